import type { Delay } from './at-risk.js'

/** What is known of one consumer group. */
export interface GroupPace {
  readonly group: string
  readonly health: 'up' | 'rebalancing' | 'silent' | 'unknown'
  /** Milliseconds until what is there now is done; null with the reason below. */
  readonly drainMs: number | null
  readonly why: string | null
}

/** What is known of the way from Lethe's database to Kafka. */
export interface ConnectorPace {
  readonly state: string | null
  readonly tasks: readonly { readonly state: string }[] | null
}

/** The way through the database's log and Debezium. */
export const OUTBOX = 'outbox'

/**
 * How long each place still takes. A group without members stands still, however little waits for it: what
 * comes next will wait. A connector that runs counts as through at once; nothing tells how fast it is.
 */
export function delaysOf(groups: readonly GroupPace[], connector: ConnectorPace): Delay[] {
  return [...groups.map(ofGroup), ofConnector(connector)]
}

function ofGroup({ group, health, drainMs, why }: GroupPace): Delay {
  if (health === 'silent') return { place: group, ms: null, why: 'standing_still' }
  if (drainMs !== null && health !== 'unknown') return { place: group, ms: drainMs, why: null }
  return { place: group, ms: null, why: why === 'standing_still' ? 'standing_still' : 'unknown' }
}

function ofConnector({ state, tasks }: ConnectorPace): Delay {
  if (state === null || tasks === null) return { place: OUTBOX, ms: null, why: 'unknown' }
  const runs = state === 'RUNNING' && tasks.length > 0 && tasks.every((task) => task.state === 'RUNNING')
  return runs ? { place: OUTBOX, ms: 0, why: null } : { place: OUTBOX, ms: null, why: 'standing_still' }
}
