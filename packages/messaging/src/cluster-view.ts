import { kafkaClient } from './client/open.js'
import type { AdminClient } from './client/port.js'
import type { KafkaConfig } from './config.js'

/** How far one consumer group is behind in one topic. */
export interface GroupLag {
  readonly group: string
  readonly topic: string
  /** Kafka's state of the group, e.g. `Stable` or `Empty`; a consumer runs only in `Stable`. */
  readonly state: string
  /**
   * Records not yet confirmed; a partition never confirmed counts whole, as consumers start at
   * earliest. `unknown` when a confirmed offset lies beyond the end: the topic was made anew.
   */
  readonly lag: number | 'unknown'
}

/** What a status view asks a whole cluster, whichever groups and topics it has. Close it after use. */
export class ClusterView {
  private constructor(private readonly admin: AdminClient) {}

  static async open(config: KafkaConfig): Promise<ClusterView> {
    return new ClusterView(await (await kafkaClient(config)).admin())
  }

  /** Every topic's name and number of records that can still be read, Kafka's internal topics left out. */
  async topics(): Promise<{ topic: string; partitions: number; records: number }[]> {
    const names = (await this.admin.listTopics()).filter((name) => !name.startsWith('__')).sort()
    return Promise.all(
      names.map(async (topic) => {
        const offsets = await this.admin.topicOffsets(topic)
        const records = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
        return { topic, partitions: offsets.length, records }
      }),
    )
  }

  /** Lag of every group in every topic it has confirmed offsets for. Never lower than the true lag. */
  async lags(): Promise<GroupLag[]> {
    const groups = (await this.admin.listGroups()).sort()
    const states = await this.admin.groupStates(groups)
    const lags = await Promise.all(groups.map((group) => this.lagsOf(group, states.get(group) ?? 'unknown')))
    return lags.flat()
  }

  private async lagsOf(group: string, state: string): Promise<GroupLag[]> {
    const confirmed = await this.admin.committedOffsets(group)
    return Promise.all(
      confirmed.map(async ({ topic, partitions }) => {
        // The end is asked after the confirmed offsets: it may only be too high.
        const ends = await this.admin.topicOffsets(topic)
        const lags = ends.map(({ partition, high, low }) => {
          const at = Number(partitions.find((known) => known.partition === partition)?.offset ?? -1)
          return at > Number(high) ? Number.NaN : Number(high) - Math.max(at, Number(low))
        })
        const lag = lags.reduce((sum, one) => sum + one, 0)
        return { group, topic, state, lag: Number.isNaN(lag) ? ('unknown' as const) : lag }
      }),
    )
  }

  async close(): Promise<void> {
    await this.admin.close()
  }
}
