import { kafkaClient } from './client/open.js'
import type { AdminClient } from './client/port.js'
import type { KafkaConfig } from './config.js'
import { nothingObserved, type Observation, type OutsideSources, observeGroups } from './group-lag.js'
import type { ConsumedTopics } from './lag.js'

/** One admin connection, made when first needed and again after it failed. Close it after use. */
export class GroupLagReader {
  private admin: Promise<AdminClient> | null = null

  /** @param timeoutMs how long one observation may take before everything in it is unknown */
  constructor(
    private readonly kafka: KafkaConfig,
    private readonly timeoutMs = 5_000,
  ) {}

  /** Never rejects over Kafka: what it did not answer in time is unknown. */
  async read(groups: ConsumedTopics, outside: OutsideSources = {}): Promise<Observation> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.timeoutMs)
    })
    const asked = this.ask(groups, outside).catch(() => null)
    const found = await Promise.race([asked, late])
    clearTimeout(timer)
    // A connection that answers nothing at all is worth nothing; the next reader gets a new one.
    if (found === null || found.partitions.every(({ end }) => end === null)) void this.close()
    return found ?? nothingObserved(groups)
  }

  async close(): Promise<void> {
    const { admin } = this
    this.admin = null
    // Nothing to disconnect where it never came to a connection.
    await admin?.then((open) => open.close()).catch(() => undefined)
  }

  private async ask(groups: ConsumedTopics, outside: OutsideSources): Promise<Observation> {
    this.admin ??= this.connect()
    return observeGroups(await this.admin, this.kafka, groups, outside)
  }

  private async connect(): Promise<AdminClient> {
    // Little patience: an answer that comes late is of no use to whoever looks.
    return (await kafkaClient(this.kafka)).admin({ hasty: true })
  }
}
