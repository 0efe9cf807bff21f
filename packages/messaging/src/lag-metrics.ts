import { Gauge, type Registry } from '@prometheus-io/client'
import { kafkaClient } from './client/open.js'
import type { AdminClient } from './client/port.js'
import type { KafkaConfig } from './config.js'
import { type ConsumedTopics, consumerLag, type PartitionLag } from './lag.js'

const labelNames = ['group', 'topic', 'partition', 'service'] as const
const sourcesOf = new WeakMap<Registry, Set<LagSource>>()

/**
 * Gauges `lethe_messaging_lag` and `lethe_messaging_lag_unknown` (1 where the lag is not known; the
 * lag itself is then absent, not zero). Kafka is asked whenever the metrics are read, for at most
 * `timeoutMs`. Several callers share the gauges of one registry; each closes what it opened.
 */
export function lagMetrics(
  registry: Registry,
  kafka: KafkaConfig,
  groups: ConsumedTopics,
  timeoutMs = 3_000,
): { close(): Promise<void> } {
  const source = new LagSource(kafka, groups, timeoutMs)
  const sources = sourcesOf.get(registry) ?? gaugesOn(registry)
  sources.add(source)
  return {
    async close() {
      sources.delete(source)
      await source.close()
    },
  }
}

function gaugesOn(registry: Registry): Set<LagSource> {
  const sources = new Set<LagSource>()
  sourcesOf.set(registry, sources)
  const gauge = (name: string, help: string, valueFor: (lag: PartitionLag['lag']) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const read = await Promise.all(
          [...sources].map(async (source) => ({ source, lags: await source.read() })),
        )
        this.reset()
        for (const { source, lags } of read)
          for (const entry of lags) {
            const value = valueFor(entry.lag)
            if (value !== undefined) this.set({ ...labelsOf(entry), service: source.service }, value)
          }
      },
    })
  gauge('lethe_messaging_lag_unknown', '1 where the lag could not be found out.', (lag) =>
    lag === 'unknown' ? 1 : 0,
  )
  gauge('lethe_messaging_lag', 'Messages a group has not committed, never below the true number.', (lag) =>
    lag === 'unknown' ? undefined : lag,
  )
  return sources
}

function labelsOf({ group, topic, partition }: PartitionLag) {
  return { group, topic, partition: partition === null ? 'all' : String(partition) }
}

/** One admin connection, made when first needed and again after it failed. */
class LagSource {
  private admin: Promise<AdminClient> | null = null
  private reading: Promise<PartitionLag[]> | null = null
  constructor(
    private readonly kafka: KafkaConfig,
    private readonly groups: ConsumedTopics,
    private readonly timeoutMs: number,
  ) {}

  get service(): string {
    return this.kafka.clientId
  }

  /** Readers at the same time share one answer. */
  read(): Promise<PartitionLag[]> {
    this.reading ??= this.readOnce().finally(() => {
      this.reading = null
    })
    return this.reading
  }

  async close(): Promise<void> {
    const { admin } = this
    this.admin = null
    // Nothing to disconnect where it never came to a connection.
    await admin?.then((open) => open.close()).catch(() => undefined)
  }

  private async readOnce(): Promise<PartitionLag[]> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<PartitionLag[]>((resolve) => {
      timer = setTimeout(() => resolve(this.nothingKnown()), this.timeoutMs)
    })
    try {
      const entries = await Promise.race([this.ask(), late])
      // A connection that answers nothing at all is worth nothing; the next reader gets a new one.
      if (entries.every(({ lag }) => lag === 'unknown')) void this.close()
      return entries
    } catch {
      this.admin = null
      return this.nothingKnown()
    } finally {
      clearTimeout(timer)
    }
  }

  private async ask(): Promise<PartitionLag[]> {
    this.admin ??= this.connect()
    return consumerLag(await this.admin, this.kafka, this.groups)
  }

  private async connect(): Promise<AdminClient> {
    // Little patience: an answer that comes late is of no use to whoever reads the metrics.
    return (await kafkaClient(this.kafka)).admin({ hasty: true })
  }

  private nothingKnown(): PartitionLag[] {
    return Object.entries(this.groups).flatMap(([group, consumed]) =>
      consumed.map((topic): PartitionLag => {
        return { group, topic, partition: null, end: null, committed: null, lag: 'unknown' }
      }),
    )
  }
}
