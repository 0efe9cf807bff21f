import { Agent, request } from 'node:http'
import type { Sample } from '../report/measure.js'
import { percentile } from '../report/statistics.js'
import type { Filled } from './fill.js'

export const LIST = 'A page of the list of requests'
export const ONE = 'One request'
export const OVERVIEW = 'The overview'

/** What is asked, and for each call with which address. */
interface Question {
  readonly measure: string
  readonly subject: string
  path(n: number): string
  readonly calls?: number
}

/** Asks over one connection, as one console does. */
export class Asker {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 })

  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** @returns the body and how long it took to the last byte, milliseconds */
  ask(path: string): Promise<{ body: string; ms: number }> {
    return new Promise((resolve, reject) => {
      const begin = performance.now()
      const headers = { authorization: `Bearer ${this.token}` }
      const call = request(new URL(path, this.url), { agent: this.agent, headers }, (answer) => {
        let body = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          body += chunk
        })
        answer.on('error', reject)
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve({ body, ms: performance.now() - begin })
          else reject(new Error(`${path} was answered ${answer.statusCode}: ${body.slice(0, 300)}`))
        })
      })
      call.on('error', reject)
      call.end()
    })
  }

  close(): void {
    this.agent.destroy()
  }
}

const list = (subject: string, query: string): Question => ({
  measure: LIST,
  subject,
  path: () => `/v1/requests?${query}`,
})

/** What was slowest of all filters and all pairs of them, in all orders, before and since ADR 0048. */
function pairs(now: number, [common, , rarest]: readonly string[]): Question[] {
  const year = now - 365 * 86_400_000
  return [
    list('system and a status it never has', `systemId=${common}&status=REFUSED`),
    list('system and a rare status', `systemId=${common}&status=FAILED`),
    list('system and not erased, by deadline', `systemId=${common}&liveErased=false&order=due`),
    list('system and not backup-clear, oldest', `systemId=${common}&backupClear=false&order=oldest`),
    list('system and overdue', `systemId=${common}&dueBefore=${now}`),
    list('system, the rarest, latest deadline', `systemId=${rarest}&order=due-last`),
    list(
      'system, the rarest, and a tenant, latest deadline',
      `systemId=${rarest}&tenantId=acme&order=due-last`,
    ),
    list('system and another tenant, by deadline', `systemId=${common}&tenantId=globex&order=due`),
    list('system and due since a year, oldest', `systemId=${common}&dueFrom=${year}&order=oldest`),
    list('system and a rare regime, by deadline', `systemId=${common}&regime=ccpa&order=due`),
    list('tenant and overdue', `tenantId=acme&dueBefore=${now}`),
    list('tenant and due since a year, oldest', `tenantId=acme&dueFrom=${year}&order=oldest`),
    list('tenant and a rare regime, oldest', `tenantId=acme&regime=ccpa&order=oldest`),
    list('regime, rare, and live-erased', 'regime=ccpa&liveErased=true'),
    list('due before a year ago, oldest', `dueBefore=${year}&order=oldest`),
    list('due since a year and no task, oldest', `dueFrom=${year}&taskOpen=false&order=oldest`),
  ]
}

const OPEN =
  'PENDING,AWAITING_IDENTITY,AWAITING_APPROVAL,SCHEDULED,IN_PROGRESS,AWAITING_VERIFICATION,PARTIALLY_COMPLETED,FAILED,ON_HOLD'

export function questions({ ids }: Filled, systems: readonly string[]): Question[] {
  const now = Date.now()
  const week = `dueFrom=${now}&dueBefore=${now + 7 * 86_400_000}`
  const all = Object.values(ids).flat()
  const any = (n: number) => all[(n * 7_919) % all.length] as string
  return [
    list('newest first', ''),
    list('nearest deadline first', 'order=due'),
    list('status: completed', 'status=COMPLETED'),
    list('status: failed', 'status=FAILED'),
    list('status: every open one, by deadline', `status=${OPEN}&order=due`),
    list('status: failed or held', 'status=FAILED,ON_HOLD'),
    list('status: nobody has it', 'status=AWAITING_IDENTITY'),
    list('tenant: nine of ten', 'tenantId=acme'),
    list('tenant: one of 200', 'tenantId=small'),
    list('tenant: one of 200, by deadline', 'tenantId=small&order=due'),
    list('tenant: nobody has it', 'tenantId=nobody'),
    list('system: one of three', `systemId=${systems[0]}`),
    list('system: the rarest', `systemId=${systems[2]}`),
    list('system: nobody has it', 'systemId=none-there'),
    list('regime: nearly all', 'regime=gdpr'),
    list('regime: one of fifty', 'regime=ccpa'),
    list('regime: nobody has it', 'regime=utah'),
    list('due this week', week),
    list('due this week, by deadline', `${week}&order=due`),
    list('due this week and open', `${week}&status=${OPEN}&order=due`),
    list('live-erased, still in a backup', 'liveErased=true&backupClear=false'),
    list('backup-clear', 'backupClear=true'),
    list('not backup-clear, by deadline', 'backupClear=false&order=due'),
    ...pairs(now, systems),
    list('tenant, status and system', `tenantId=small&status=FAILED&systemId=${systems[0]}`),
    {
      measure: LIST,
      subject: 'by id',
      path: (n) => `/v1/requests?requestId=${any(n)}`,
    },
    { measure: ONE, subject: 'its page', path: (n) => `/v1/requests/${any(n)}` },
    { measure: ONE, subject: 'its timeline', path: (n) => `/v1/requests/${any(n)}/timeline` },
    { measure: OVERVIEW, subject: 'fresh', path: () => '/v1/overview?maxAgeMs=0', calls: 100 },
    { measure: OVERVIEW, subject: 'up to two seconds old', path: () => '/v1/overview' },
    { measure: OVERVIEW, subject: 'matrix of verifications', path: () => '/v1/verification' },
  ]
}

/** Every question again and again, one at a time. */
export async function timed(asker: Asker, question: Question, calls: number): Promise<Sample[]> {
  const many = Math.min(calls, question.calls ?? calls)
  for (let n = 0; n < Math.min(10, many); n++) await asker.ask(question.path(n))
  const times: number[] = []
  for (let n = 0; n < many; n++) times.push((await asker.ask(question.path(n))).ms)
  return quantiles(question.measure, question.subject, times)
}

/** From page to page by cursor, in both orders. */
export async function paged(asker: Asker, pages: number): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const order of ['received', 'due']) {
    const times: number[] = []
    let cursor: string | null = ''
    for (let n = 0; n < pages && cursor !== null; n++) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { body, ms } = await asker.ask(`/v1/requests?order=${order}&limit=200${after}`)
      cursor = (JSON.parse(body) as { nextCursor: string | null }).nextCursor
      times.push(ms)
    }
    samples.push(...quantiles(LIST, `cursor, ${pages} pages of 200, by ${order}`, times))
  }
  return samples
}

export function quantiles(measure: string, subject: string, times: readonly number[]): Sample[] {
  const sorted = [...times].sort((a, b) => a - b)
  return [0.5, 0.95].map((share) => ({
    measure,
    subject,
    unit: `ms p${share * 100}`,
    value: percentile(sorted, share),
  }))
}
