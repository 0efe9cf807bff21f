import {
  consumedByLethe,
  type GroupLagReader,
  type LagUnknown,
  type Observation,
  type ObservedPartition,
} from '@lethe/messaging'
import type { ConnectClient, ConnectorView } from '../adapters/connect-client.js'
import type { PgMachine, Slot } from '../adapters/pg-machine.js'
import {
  catchUpMs,
  changePerMinute,
  drainMs,
  type Known,
  LagHistory,
  lagMs,
  lastCommitAt,
  type Missing,
  waitsAtLeastMs,
} from '../domain/lag-history.js'
import { type Dated, Shared } from './shared.js'

export type Why = LagUnknown | Missing | 'no_commit_yet' | 'client_does_not_say'

/** One partition as one group sees it. A field that is null has its reason in `unknown`, under its own name. */
export interface PartitionView {
  readonly group: string
  readonly topic: string
  readonly partition: number | null
  readonly state: string | null
  readonly members: number | null
  readonly assignedTo: string | null
  /** Where the position that counts lives. */
  readonly positionIn: 'kafka' | 'postgresql'
  readonly end: number | null
  readonly committed: number | null
  readonly mirrored: number | null
  readonly lag: number | null
  readonly changePerMinute: number | null
  readonly lagMs: number | null
  readonly lagMsAtLeast: number | null
  readonly catchUpMs: number | null
  /** Until what is there now is done, whatever comes behind it. */
  readonly drainMs: number | null
  readonly lastCommitAt: number | null
  readonly unknown: Readonly<Record<string, Why>>
}

export interface GroupView {
  readonly group: string
  /** Which process of Lethe reads under this name. */
  readonly service: string
  readonly topics: readonly string[]
  readonly state: string | null
  readonly members: number | null
  /** `up` with members that are settled, `rebalancing`, `silent` without any; `unknown` when Kafka can't be asked. */
  readonly health: 'up' | 'rebalancing' | 'silent' | 'unknown'
  /** Sum over its partitions; null as soon as one of them is not known. */
  readonly lag: number | null
  /** Of its slowest partition; null as soon as one of them is not known or does not catch up. */
  readonly catchUpMs: number | null
  /** Of its slowest partition, as `catchUpMs`. */
  readonly drainMs: number | null
  readonly unknown: Readonly<Record<string, Why>>
}

export interface LagView {
  readonly groups: readonly GroupView[]
  readonly partitions: readonly PartitionView[]
  /** null when PostgreSQL could not be asked. */
  readonly slots: readonly Slot[] | null
  readonly connector: ConnectorView
}

/** The one group whose positions live in PostgreSQL. */
const OUTSIDE = 'aggregator'

export interface LagParts {
  readonly kafka: Pick<GroupLagReader, 'read'>
  readonly machine: PgMachine
  readonly connect: ConnectClient
  readonly now?: () => number
}

/**
 * How far everybody is behind. The positions are read before the ends, so no lag is lower than it was at the
 * moment `measuredAt`; with `maxAgeMs` 0 that moment is after the question.
 */
export class Lag {
  private readonly histories = new Map<string, LagHistory>()
  private readonly shared: Shared<LagView>
  private readonly now: () => number
  private systemIds: readonly string[] = []

  constructor(private readonly parts: LagParts) {
    this.now = parts.now ?? Date.now
    this.shared = new Shared(() => this.measure(), this.now)
  }

  /** Everything in the answer was read after now less `maxAgeMs`. */
  read(maxAgeMs: number): Promise<Dated<LagView>> {
    return this.shared.read(maxAgeMs)
  }

  /** The systems of the data map, as last seen. */
  get systems(): readonly string[] {
    return this.systemIds
  }

  private async measure(): Promise<LagView> {
    const { kafka, machine, connect } = this.parts
    // The systems last known are better than none: who vanishes from the list is missed by nobody.
    this.systemIds = await machine.systemIds().catch(() => this.systemIds)
    const consumed = consumedByLethe(this.systemIds)
    const [observation, slots, connector] = await Promise.all([
      kafka.read(consumed, { [OUTSIDE]: () => machine.aggregatorPositions() }),
      machine.slots().catch(() => null),
      connect.view(),
    ])
    const at = this.now()
    const partitions = observation.partitions.map((one) => this.partitionView(at, observation, one))
    return {
      groups: observation.groups.map(({ group }) => groupView(group, consumed[group] ?? [], partitions)),
      partitions,
      slots,
      connector,
    }
  }

  private partitionView(at: number, { groups }: Observation, one: ObservedPartition): PartitionView {
    const { group, topic, partition, end, committed, lag } = one
    const owner = groups.find((known) => known.group === group)
    const history = this.historyOf(`${group}/${topic}/${partition}`)
    if (end !== null && lag !== null) history.add({ at, end, committed: end - lag })
    const measured = measuresOf(one, history)
    const reasons: Record<string, Why | null> = { ...measured.reasons }
    if (end === null) reasons['end'] = one.unknown ?? 'kafka_unreachable'
    if (committed === null) reasons['committed'] = one.unknown ?? 'no_commit_yet'
    if (lag === null) reasons['lag'] = one.unknown
    if (owner?.state == null) reasons['state'] = 'kafka_unreachable'
    if (owner?.members == null)
      reasons['members'] = owner?.state == null ? 'kafka_unreachable' : 'client_does_not_say'
    return {
      group,
      topic,
      partition,
      state: owner?.state ?? null,
      members: owner?.members ?? null,
      assignedTo: one.assignedTo,
      positionIn: group === OUTSIDE ? 'postgresql' : 'kafka',
      end,
      committed,
      mirrored: one.mirrored,
      lag,
      ...measured.values,
      unknown: onlyKnown(reasons),
    }
  }

  private historyOf(key: string): LagHistory {
    const history = this.histories.get(key) ?? new LagHistory()
    this.histories.set(key, history)
    return history
  }
}

/** Nothing is said from earlier looks when this one has failed. */
function measuresOf({ lag, unknown }: ObservedPartition, { samples }: LagHistory) {
  const now = lag === null ? [] : samples
  const found = {
    changePerMinute: changePerMinute(now),
    lagMs: lagMs(now),
    catchUpMs: catchUpMs(now),
    drainMs: drainMs(now),
    lastCommitAt: lastCommitAt(samples),
  }
  const why = (known: Known): Why | null => (known.value === null ? (unknown ?? known.why) : null)
  return {
    values: {
      changePerMinute: found.changePerMinute.value,
      lagMs: found.lagMs.value,
      lagMsAtLeast: found.lagMs.value ?? waitsAtLeastMs(now),
      catchUpMs: found.catchUpMs.value,
      drainMs: found.drainMs.value,
      lastCommitAt: found.lastCommitAt.value,
    },
    reasons: Object.fromEntries(Object.entries(found).map(([name, known]) => [name, why(known)])),
  }
}

function groupView(
  group: string,
  topics: readonly string[],
  partitions: readonly PartitionView[],
): GroupView {
  const own = partitions.filter((one) => one.group === group)
  const { state = null, members = null } = own[0] ?? {}
  const unknownLag = own.find(({ lag }) => lag === null)
  const growing = own.find((one) => one.catchUpMs === null)
  const stuck = own.find((one) => one.drainMs === null)
  const reasons: Record<string, Why | null> = {
    state: state === null ? 'kafka_unreachable' : null,
    members: members !== null ? null : state === null ? 'kafka_unreachable' : 'client_does_not_say',
    lag: unknownLag?.unknown['lag'] ?? null,
    catchUpMs: growing?.unknown['catchUpMs'] ?? null,
    drainMs: stuck?.unknown['drainMs'] ?? null,
  }
  return {
    group,
    service: readerOf(group),
    topics,
    state,
    members,
    health: healthOf(state, members),
    lag: unknownLag ? null : own.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    catchUpMs: growing ? null : Math.max(0, ...own.map((one) => one.catchUpMs ?? 0)),
    drainMs: stuck ? null : Math.max(0, ...own.map((one) => one.drainMs ?? 0)),
    unknown: onlyKnown(reasons),
  }
}

/** `eraser.shop-pg` is read by eraser-shop-pg, `request.outbox` by request. */
const readerOf = (group: string): string =>
  /^(eraser|probe)\./.test(group) ? group.replace('.', '-') : (group.split('.')[0] ?? group)

function healthOf(state: string | null, members: number | null): GroupView['health'] {
  if (state === null || members === null) return 'unknown'
  if (members === 0) return 'silent'
  return state === 'Stable' ? 'up' : 'rebalancing'
}

const onlyKnown = (reasons: Readonly<Record<string, Why | null>>): Record<string, Why> =>
  Object.fromEntries(Object.entries(reasons).flatMap(([name, why]) => (why === null ? [] : [[name, why]])))
