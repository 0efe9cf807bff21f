import { RetryableError } from '@lethe/service-host'
import { z } from 'zod'

/** A connector or one of its tasks as Connect sees it. */
export interface ConnectorPart {
  /** `connector` or `task <n>` */
  readonly name: string
  /** Connect's own word: RUNNING, FAILED, PAUSED, UNASSIGNED, RESTARTING, STOPPED. */
  readonly state: string
  /** Class names of the failure and its causes. What they say may quote rows, so it stays in Connect. */
  readonly failure: readonly string[]
}

/** The part of Kafka Connect's REST API that the watch uses. */
export interface ConnectPort {
  /** The connector and its tasks; null when Connect does not know it. Throws RetryableError `connect_unreachable`. */
  parts(connector: string): Promise<ConnectorPart[] | null>
  /** Starts again whatever of it has failed, and nothing else. Idempotent. Throws as `parts`. */
  restartFailed(connector: string): Promise<void>
}

const part = z.object({ state: z.string(), trace: z.string().optional() })
const status = z.object({ connector: part, tasks: z.array(part.extend({ id: z.number() })) })
/** Milliseconds; Connect passes a question on to the worker that leads. */
const ANSWER_MS = 10_000

/** Kafka Connect by HTTP; a user and password in the address become basic credentials. */
export class HttpConnect implements ConnectPort {
  private readonly base: string
  private readonly headers: Readonly<Record<string, string>>

  constructor(address: string) {
    const { protocol, host, pathname, username, password } = new URL(address)
    this.base = `${protocol}//${host}${pathname.replace(/\/$/, '')}`
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    this.headers = username === '' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  }

  async parts(connector: string): Promise<ConnectorPart[] | null> {
    const answer = await this.call('GET', `/connectors/${encodeURIComponent(connector)}/status`)
    if (answer.status === 404) return null
    if (!answer.ok) throw unreachable(`HTTP ${answer.status}`)
    const read = status.safeParse(await answer.json().catch(() => null))
    if (!read.success) throw unreachable('something that is no status')
    const { connector: own, tasks } = read.data
    const named = [
      { name: 'connector', ...own },
      ...tasks.map(({ id, ...task }) => ({ name: `task ${id}`, ...task })),
    ]
    return named.map(({ name, state, trace }) => ({ name, state, failure: classesIn(trace) }))
  }

  async restartFailed(connector: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(connector)}/restart?includeTasks=true&onlyFailed=true`
    const answer = await this.call('POST', path)
    if (!answer.ok) throw unreachable(`HTTP ${answer.status}`)
    await answer.body?.cancel()
  }

  private async call(method: string, path: string): Promise<Response> {
    const signal = AbortSignal.timeout(ANSWER_MS)
    return fetch(`${this.base}${path}`, { method, headers: this.headers, signal }).catch((cause: unknown) => {
      throw unreachable('nothing', cause)
    })
  }
}

const unreachable = (said: string, cause?: unknown) =>
  new RetryableError('connect_unreachable', `Kafka Connect answered with ${said}.`, { cause })

/** e.g. `org.apache.kafka.connect.errors.ConnectException`, outermost first. */
function classesIn(trace = ''): string[] {
  const lines = trace.split('\n').filter((line) => !/^\s/.test(line))
  return lines.flatMap(
    (line) => /^(?:Caused by: )?([a-zA-Z][\w$]*(?:\.[\w$]+)+)(?=:|\s|$)/.exec(line)?.[1] ?? [],
  )
}
