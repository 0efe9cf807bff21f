import { counter, gauge, LetheError, type Logger } from '@lethe/service-host'
import type { ConnectorPart, ConnectPort } from '../adapters/connect.js'

/** `unknown`: Connect could not be asked. Only `running` is fine. */
export const connectorStates = ['running', 'starting', 'failed', 'paused', 'missing', 'unknown'] as const
export type ConnectorState = (typeof connectorStates)[number]

const stateNow = gauge(
  'lethe_connector_state',
  '1 for the state of the connector that publishes the outbox, 0 for the others. Only "running" is fine.',
  ['connector', 'state'],
)
const restarts = counter('lethe_connector_restarts_total', 'Restarts of a connector that had failed.', [
  'connector',
])

export interface WatchParts {
  readonly connector: string
  readonly connect: ConnectPort
  readonly logger: Logger
  readonly now?: () => number
  /** Milliseconds until a restart that did not help is repeated; doubles each time. */
  readonly firstWaitMs?: number
  /** Longest such wait, and how long the connector must run for the next failure to be a new one. */
  readonly longestWaitMs?: number
}

/**
 * Starts the connector that publishes the outbox again when it has failed: Connect itself never does, and nothing
 * leaves Lethe meanwhile. A failure is met at once, and then less and less often; there is no last time.
 * Harmless in several instances at once: only what has failed is restarted.
 */
export class ConnectorWatch {
  private readonly now: () => number
  private readonly firstWaitMs: number
  private readonly longestWaitMs: number
  private last: ConnectorState | null = null
  private tries = 0
  private notBefore = 0
  private runningSince: number | null = null

  constructor(private readonly parts: WatchParts) {
    this.now = parts.now ?? Date.now
    this.firstWaitMs = parts.firstWaitMs ?? 5_000
    this.longestWaitMs = parts.longestWaitMs ?? 60_000
  }

  /** Looks once. Never throws for Connect: what it can't be asked is `unknown`. */
  async look(): Promise<ConnectorState> {
    const { connector, connect } = this.parts
    const found = await connect.parts(connector).catch((error: unknown) => asUnreachable(error))
    const state = stateOf(found)
    this.show(state, found)
    if (state === 'running') this.runs()
    else this.runningSince = null
    if (state === 'failed') await this.restart()
    return state
  }

  private runs(): void {
    this.runningSince ??= this.now()
    if (this.now() - this.runningSince < this.longestWaitMs) return
    this.tries = 0
    this.notBefore = 0
  }

  private async restart(): Promise<void> {
    if (this.now() < this.notBefore) return
    const { connector, connect, logger } = this.parts
    try {
      await connect.restartFailed(connector)
    } catch (error) {
      logger.error({ connector, code: asUnreachable(error).code }, 'the connector could not be restarted')
      return
    }
    this.notBefore =
      this.now() + Math.min(this.firstWaitMs * 2 ** Math.min(this.tries, 30), this.longestWaitMs)
    this.tries += 1
    restarts.inc({ connector })
    logger.warn({ connector, tries: this.tries }, 'the connector had failed and was restarted')
  }

  private show(state: ConnectorState, found: Found): void {
    const { connector, logger } = this.parts
    for (const other of connectorStates) stateNow.set({ connector, state: other }, other === state ? 1 : 0)
    if (state === this.last) return
    this.last = state
    const failed = Array.isArray(found) ? found.filter(({ state: word }) => word === 'FAILED') : []
    const about = { connector, state, ...(failed.length > 0 ? { failed } : {}) }
    if (state === 'running') logger.info(about, 'the connector publishes the outbox')
    else if (state === 'starting') logger.warn(about, SAYS[state])
    else logger.error(about, SAYS[state])
  }
}

const SAYS: Readonly<Record<Exclude<ConnectorState, 'running'>, string>> = {
  starting: 'the connector does not run yet; the outbox waits',
  failed: 'the connector has failed; the outbox waits until a restart helps',
  paused: 'somebody has paused the connector; the outbox waits until it is resumed',
  missing: 'Kafka Connect does not know the connector; the outbox waits until it is registered again',
  unknown: 'Kafka Connect can not be asked; whether the outbox is published is unknown',
}

type Found = ConnectorPart[] | LetheError | null

function stateOf(found: Found): ConnectorState {
  if (found === null) return 'missing'
  if (found instanceof LetheError) return 'unknown'
  const words = found.map(({ state }) => state)
  if (words.includes('FAILED')) return 'failed'
  if (words.some((word) => word === 'PAUSED' || word === 'STOPPED')) return 'paused'
  // Without a task nobody reads the log, whatever the connector itself says.
  return words.length > 1 && words.every((word) => word === 'RUNNING') ? 'running' : 'starting'
}

/** What Connect's client throws; a mistake of ours is thrown on. */
function asUnreachable(error: unknown): LetheError {
  if (error instanceof LetheError) return error
  throw error
}
