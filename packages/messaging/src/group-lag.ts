import type { TopicName } from '@lethe/schemas'
import type { AdminClient, GroupMembers, PartitionOffsets } from './client/port.js'
import { type KafkaConfig, physicalGroup, physicalTopic } from './config.js'
import type { ConsumedTopics } from './lag.js'

/** Why a position is not known. */
export type LagUnknown = 'kafka_unreachable' | 'topic_missing' | 'position_unreadable' | 'position_beyond_end'

export interface ObservedGroup {
  readonly group: string
  /** Kafka's word, e.g. `Stable` or `Empty`; `Dead` for one it has never seen. null when it could not be asked. */
  readonly state: string | null
  readonly members: number | null
}

export interface ObservedPartition {
  readonly group: string
  readonly topic: TopicName
  /** null when not even the partitions could be asked for. */
  readonly partition: number | null
  readonly end: number | null
  /** The first record not yet confirmed, where the group's position lives; null when nothing is confirmed or known. */
  readonly committed: number | null
  /** What Kafka itself has of a position that lives elsewhere; null otherwise. */
  readonly mirrored: number | null
  readonly lag: number | null
  /** Why `lag` is null. */
  readonly unknown: LagUnknown | null
  /** Client id of the member that has it. */
  readonly assignedTo: string | null
}

export interface Observation {
  readonly groups: readonly ObservedGroup[]
  readonly partitions: readonly ObservedPartition[]
}

/** Positions that live outside Kafka, of one group: topic to partition to the first record not yet done. */
export type OutsidePositions = ReadonlyMap<string, ReadonlyMap<number, number>>
/** Per group whose positions live outside Kafka: reads them. A rejection makes the group's lag unknown. */
export type OutsideSources = Readonly<Record<string, () => Promise<OutsidePositions>>>

type Stored = ReadonlyMap<number, number>
type Ends = readonly PartitionOffsets[]

/**
 * Every position of every group is read first, those outside Kafka included, and the ends of the partitions
 * only after the last of them: what is consumed or written in between can make a lag too high, never too low.
 * A group without a position starts at the earliest record. What could not be asked is null, never zero.
 */
export async function observeGroups(
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  groups: ConsumedTopics,
  outside: OutsideSources = {},
): Promise<Observation> {
  const names = Object.keys(groups)
  const [members, ...positions] = await Promise.all([
    membersOf(admin, kafka, names),
    ...names.map((group) => positionsOf(admin, kafka, group, groups[group] ?? [], outside[group])),
  ])
  const ends = await endsOf(admin, kafka, [...new Set(Object.values(groups).flat())])
  return {
    groups: names.map((group) => {
      const known = members?.get(group)
      return { group, state: known?.state ?? null, members: known?.members ?? null }
    }),
    partitions: names.flatMap((group, index) =>
      (groups[group] ?? []).flatMap((topic) => {
        const found = positions[index] as Positions
        const owners = members?.get(group)?.owners
        return partitionsOf({ group, topic, found, ends: ends.get(topic), owners })
      }),
    ),
  }
}

/** What to say when Kafka did not answer in time. */
export function nothingObserved(groups: ConsumedTopics): Observation {
  const unknown = 'kafka_unreachable' as const
  return {
    groups: Object.keys(groups).map((group) => ({ group, state: null, members: null })),
    partitions: Object.entries(groups).flatMap(([group, consumed]) =>
      consumed.map((topic) => ({ ...blank(group, topic), unknown })),
    ),
  }
}

const blank = (group: string, topic: TopicName): ObservedPartition => ({
  group,
  topic,
  partition: null,
  end: null,
  committed: null,
  mirrored: null,
  lag: null,
  unknown: null,
  assignedTo: null,
})

interface Positions {
  /** null when Kafka did not say. */
  readonly kafka: ReadonlyMap<string, Stored> | null
  /** undefined when the group's positions live in Kafka, null when they could not be read. */
  readonly outside: OutsidePositions | null | undefined
}

async function positionsOf(
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  group: string,
  consumed: readonly TopicName[],
  source: (() => Promise<OutsidePositions>) | undefined,
): Promise<Positions> {
  const [inKafka, outside] = await Promise.all([
    answered(
      admin.committedOffsets(
        physicalGroup(kafka, group),
        consumed.map((topic) => physicalTopic(kafka, topic)),
      ),
    ),
    source === undefined ? undefined : answered(source()),
  ])
  return {
    kafka:
      inKafka &&
      new Map(inKafka.map(({ topic, partitions }) => [topic.slice(prefixLength(kafka)), stored(partitions)])),
    outside,
  }
}

const prefixLength = ({ topicPrefix }: Pick<KafkaConfig, 'topicPrefix'>): number => (topicPrefix ?? '').length

function stored(partitions: readonly { partition: number; offset: string }[]): Stored {
  const known = partitions.filter(({ offset }) => Number(offset) >= 0)
  return new Map(known.map(({ partition, offset }) => [partition, Number(offset)]))
}

interface Members {
  readonly state: string
  /** null when the client does not say. */
  readonly members: number | null
  /** Client id by `topic/partition`. */
  readonly owners: ReadonlyMap<string, string>
}

async function membersOf(
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  groups: readonly string[],
): Promise<ReadonlyMap<string, Members> | null> {
  const cut = prefixLength(kafka)
  const asked = groups.map((group) => physicalGroup(kafka, group))
  if (!admin.groupMembers) {
    const states = await answered(admin.groupStates(asked))
    return states && new Map([...states].map(([id, state]) => [id.slice(cut), { ...nobody, state }]))
  }
  const described = await answered(admin.groupMembers(asked))
  if (!described) return null
  return new Map(
    [...described].map(([id, { state, members }]) => [
      id.slice(cut),
      { state, members: members.length, owners: ownersOf(members, cut) },
    ]),
  )
}

const nobody = { members: null, owners: new Map<string, string>() }

function ownersOf(members: GroupMembers['members'], cut: number): ReadonlyMap<string, string> {
  return new Map(
    members.flatMap(({ clientId, assignment }) =>
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => [`${topic.slice(cut)}/${partition}`, clientId] as const),
      ),
    ),
  )
}

async function endsOf(
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  wanted: readonly TopicName[],
): Promise<ReadonlyMap<string, Ends | LagUnknown>> {
  const found = await Promise.all(
    wanted.map(async (topic) => {
      const ends = await admin.topicOffsets(physicalTopic(kafka, topic)).catch(whyNot)
      return [topic, ends] as const
    }),
  )
  return new Map(found)
}

const whyNot = (error: unknown): LagUnknown =>
  (error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'topic_missing' : 'kafka_unreachable'

function partitionsOf(of: {
  group: string
  topic: TopicName
  found: Positions
  ends: Ends | LagUnknown | undefined
  owners: ReadonlyMap<string, string> | undefined
}): ObservedPartition[] {
  const { group, topic, found, ends, owners } = of
  if (ends === undefined || typeof ends === 'string')
    return [{ ...blank(group, topic), unknown: ends ?? 'kafka_unreachable' }]
  return ends
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ partition, high, low }) => {
      const inKafka = found.kafka?.get(topic)?.get(partition) ?? null
      const outside = found.outside?.get(topic)?.get(partition) ?? null
      const readable = found.outside !== null && found.kafka !== null
      // A partition without a row outside starts where Kafka says.
      const committed = readable ? (outside ?? inKafka) : null
      const distance = Number(high) - (committed ?? Number(low))
      const unknown = readable ? (distance < 0 ? 'position_beyond_end' : null) : 'position_unreadable'
      return {
        group,
        topic,
        partition,
        end: Number(high),
        committed,
        mirrored: found.outside === undefined ? null : inKafka,
        lag: unknown === null ? distance : null,
        unknown,
        assignedTo: owners?.get(`${topic}/${partition}`) ?? null,
      }
    })
}

/** null when nothing answered: the caller says "unknown". */
async function answered<T>(question: Promise<T>): Promise<T | null> {
  return question.catch(() => null)
}

/** What Lethe's own services consume; an eraser and a probe per system consume these. */
export const consumedByLethe = (systemIds: readonly string[]): ConsumedTopics => ({
  aggregator: ['erasure.acknowledged'],
  'request.intake': ['erasure.intake'],
  'request.outbox': ['erasure.requested', 'erasure.probe.requested', 'erasure.status', 'erasure.tombstones'],
  restore: ['restore.announced'],
  'restore.chain': ['erasure.tombstones'],
  ...Object.fromEntries(systemIds.map((id) => [`eraser.${id}`, ['erasure.requested'] satisfies TopicName[]])),
  ...Object.fromEntries(
    systemIds.map((id) => [`probe.${id}`, ['erasure.probe.requested'] satisfies TopicName[]]),
  ),
})
