import { describe, expect, it } from 'vitest'
import type { AdminClient } from './client/port.js'
import { nothingObserved, type Observation, type OutsideSources, observeGroups } from './group-lag.js'

const groups = { 'eraser.a': ['erasure.requested'], aggregator: ['erasure.acknowledged'] } as const

/** A cluster in which records come and are confirmed whenever somebody looks away, as under load. */
class BusyCluster {
  end = 100
  confirmed = 50
  private turn(): void {
    this.end += 7
    this.confirmed = this.end - 3
  }

  readonly admin = {
    committedOffsets: async (_: string, topics: readonly string[] = []) => {
      const offset = String(this.confirmed)
      this.turn()
      return topics.map((topic) => ({ topic, partitions: [{ partition: 0, offset }] }))
    },
    topicOffsets: async () => {
      const high = String(this.end)
      this.turn()
      return [{ partition: 0, high, low: '0' }]
    },
    groupMembers: async () => new Map(),
  } as unknown as AdminClient

  readonly outside: OutsideSources = {
    aggregator: async () => {
      const at = this.confirmed
      this.turn()
      return new Map([['erasure.acknowledged', new Map([[0, at]])]])
    },
  }
}

type Observer = (cluster: BusyCluster) => Promise<Observation>

/** Invariant 20: no lag below the end before the question less the position after it. */
async function neverLower(observe: Observer): Promise<boolean> {
  const cluster = new BusyCluster()
  for (let turn = 0; turn < 5; turn++) {
    const before = cluster.end
    const { partitions } = await observe(cluster)
    if (partitions.some(({ lag }) => lag === null || lag < 0 || lag < before - cluster.confirmed))
      return false
    // What is confirmed at the time of asking for the ends is at most what is confirmed later.
    if (partitions.some(({ end, committed }) => (committed ?? 0) > (end ?? 0))) return false
  }
  return true
}

const honest: Observer = ({ admin, outside }) => observeGroups(admin, {}, groups, outside)

/** Asks for the ends first, as one is tempted to; what is confirmed in between makes the lag too low. */
const endsFirst: Observer = async ({ admin, outside }) => {
  const ends = new Map<string, Awaited<ReturnType<AdminClient['topicOffsets']>>>()
  for (const topic of Object.values(groups).flat()) ends.set(topic, await admin.topicOffsets(topic))
  const hasty = { ...admin, topicOffsets: async (topic: string) => ends.get(topic) ?? [] }
  return observeGroups(hasty as AdminClient, {}, groups, outside)
}

/** Reads the positions outside Kafka after the ends. */
const outsideLast: Observer = async (cluster) => {
  const { partitions, groups: described } = await observeGroups(cluster.admin, {}, groups, {})
  const late = (await cluster.outside['aggregator']?.())?.get('erasure.acknowledged')?.get(0) ?? 0
  return {
    groups: described,
    partitions: partitions.map((one) =>
      one.group === 'aggregator' ? { ...one, committed: late, lag: (one.end ?? 0) - late } : one,
    ),
  }
}

describe('the lag of groups', () => {
  it('is never lower than the truth while everything moves', async () => {
    expect(await neverLower(honest)).toBe(true)
  })

  it.each([
    ['the ends are read first', endsFirst],
    ['positions outside Kafka are read after the ends', outsideLast],
  ])('would be, and this check would see it, if %s', async (_, observe) => {
    expect(await neverLower(observe)).toBe(false)
  })

  it('of a group whose positions outside Kafka can not be read is unknown, and that of the others known', async () => {
    const { admin } = new BusyCluster()
    const broken = { aggregator: () => Promise.reject(new Error('down')) }
    const { partitions } = await observeGroups(admin, {}, groups, broken)
    expect(partitions).toMatchObject([
      { group: 'eraser.a', unknown: null },
      { group: 'aggregator', lag: null, committed: null, unknown: 'position_unreadable' },
    ])
  })

  it('is unknown beyond the end, in a missing topic, and without Kafka; never zero', async () => {
    const { admin } = new BusyCluster()
    const anew = {
      ...admin,
      topicOffsets: async () => [{ partition: 0, high: '3', low: '0' }],
    } as unknown as AdminClient
    const gone = {
      ...admin,
      topicOffsets: () => Promise.reject(Object.assign(new Error(), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })),
    } as unknown as AdminClient
    for (const [observation, unknown] of [
      [await observeGroups(anew, {}, groups), 'position_beyond_end'],
      [await observeGroups(gone, {}, groups), 'topic_missing'],
      [nothingObserved(groups), 'kafka_unreachable'],
    ] as const)
      for (const one of observation.partitions) expect(one).toMatchObject({ lag: null, unknown })
  })
})
