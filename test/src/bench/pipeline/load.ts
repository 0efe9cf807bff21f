import { Agent, request } from 'node:http'

/** One accept call as the caller saw it; times are epoch milliseconds with fractions. */
export interface Accept {
  readonly requestId: string
  readonly sentAt: number
  readonly answeredAt: number
}

export interface Target {
  readonly url: string
  readonly token: string
}

export interface Person {
  readonly tenantId: string
  readonly userId: string
}

/** As many calls at once as `concurrency`; a caller that is told to come back later does so. */
export async function closedLoop(
  target: Target,
  people: readonly Person[],
  concurrency: number,
): Promise<Accept[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const accepts: Accept[] = []
  let next = 0
  const worker = async () => {
    while (next < people.length) accepts.push(await erase(target, agent, people[next++] as Person, now()))
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  agent.destroy()
  return accepts
}

/**
 * `perSecond` calls, sent when they are due whatever became of the earlier ones, so that a stall of the server
 * shows in the waiting times. `sentAt` is the moment a call was due.
 */
export async function openLoop(
  target: Target,
  people: readonly Person[],
  perSecond: number,
): Promise<Accept[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const begin = now()
  const calls: Promise<Accept>[] = []
  while (calls.length < people.length) {
    const due = begin + (calls.length * 1_000) / perSecond
    const wait = due - now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    else calls.push(erase(target, agent, people[calls.length] as Person, due))
  }
  const accepts = await Promise.all(calls)
  agent.destroy()
  return accepts
}

const now = () => performance.timeOrigin + performance.now()

async function erase(target: Target, agent: Agent, person: Person, sentAt: number): Promise<Accept> {
  const body = JSON.stringify({
    tenantId: person.tenantId,
    identifiers: [{ type: 'user_id', value: person.userId }],
    regime: 'gdpr',
    ground: '17(1)(b)',
    requesterRole: 'self',
    identity: { method: 'session' },
    graceDays: 0,
  })
  for (;;) {
    const { status, text } = await post(target, agent, body, person.userId)
    if (status === 201) {
      const { requestId } = JSON.parse(text) as { requestId: string }
      return { requestId, sentAt, answeredAt: now() }
    }
    if (status !== 429) throw new Error(`an accept call was answered ${status}: ${text.slice(0, 500)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function post(
  { url, token }: Target,
  agent: Agent,
  body: string,
  key: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${token}`,
      'idempotency-key': `bench-${key}`,
    }
    const call = request(`${url}/v1/erasure-requests`, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    call.on('error', reject)
    call.end(body)
  })
}
