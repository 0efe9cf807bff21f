import { type KafkaConfig, kafkaConfigFromEnvironment, type Tuning } from '@lethe/messaging'
import { type HeadPlace, headSettings, headShape } from '@lethe/request-log'
import { topics } from '@lethe/schemas'
import { ConfigError, loadConfig } from '@lethe/service-host'
import { z } from 'zod'

const DAY_MS = 86_400_000
/** A message can come again for as long as its topic keeps it. */
const RETENTION_DAYS = topics['erasure.acknowledged'].retentionMs / DAY_MS

const schema = z.object({
  LETHE_PG_URL: z.string(),
  LETHE_KAFKA: z.string(),
  LETHE_REGISTRY_URL: z.string(),
  LETHE_GRANT_SECRET: z.string().min(32, 'is too short: use at least 32 characters'),
  /** Where the head of Lethe's own database is kept outside it, and what signs it. */
  LETHE_HEAD_FILE: z.string().min(1).optional(),
  LETHE_HEAD_SECRET: z.string().optional(),
  LETHE_PORT: z.coerce.number().int().min(0).default(29002),
  LETHE_TOPIC_PREFIX: z.string().default(''),
  /** Kafka Connect, whose outbox connector is watched; without it nobody restarts one that failed. */
  LETHE_CONNECT_URL: z.url().optional(),
  LETHE_OUTBOX_CONNECTOR: z.string().min(1).default('lethe-outbox'),
  /** Milliseconds between two looks at it. */
  LETHE_CONNECT_EVERY_MS: z.coerce.number().int().min(100).default(5_000),
  /** Milliseconds between two looks for requests whose next step is due. */
  LETHE_TICK_MS: z.coerce.number().int().min(10).default(200),
  /** Days the inbox remembers a message; not less than the topic keeps it. */
  LETHE_INBOX_KEEP_DAYS: z.coerce
    .number()
    .min(RETENTION_DAYS, `must not be less than the ${RETENTION_DAYS} days the topic keeps messages`)
    .default(RETENTION_DAYS + 7),
  /** Milliseconds between two prunings; a day is the longest. */
  LETHE_PRUNE_EVERY_MS: z.coerce.number().int().min(1_000).max(DAY_MS).default(DAY_MS),
})

export interface AggregatorConfig {
  readonly pgUrl: string
  readonly kafka: KafkaConfig
  readonly registryUrl: string
  readonly grantSecret: string
  /** Null: nobody notices when Lethe's own database is restored. */
  readonly head: HeadPlace | null
  readonly port: number
  readonly topicPrefix: string
  readonly tickMs: number
  /** Milliseconds. */
  readonly inboxKeepMs: number
  readonly pruneEveryMs: number
  /** The connector that publishes the outbox; null when it is nobody's to watch. */
  readonly watch: { readonly connectUrl: string; readonly connector: string; readonly everyMs: number } | null
  /** Bounds of the consumer, where the defaults do not suit. */
  readonly tuning?: Tuning
}

/** Reads the environment; throws `ConfigError` naming everything that is missing. */
export function aggregatorConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): AggregatorConfig {
  const given = loadConfig(schema, env)
  const wrong = headShape(given)
  if (wrong.length > 0) throw new ConfigError(wrong)
  return {
    pgUrl: given.LETHE_PG_URL,
    kafka: kafkaConfigFromEnvironment('aggregator', env),
    registryUrl: given.LETHE_REGISTRY_URL,
    grantSecret: given.LETHE_GRANT_SECRET,
    head: headSettings(given),
    port: given.LETHE_PORT,
    topicPrefix: given.LETHE_TOPIC_PREFIX,
    tickMs: given.LETHE_TICK_MS,
    inboxKeepMs: given.LETHE_INBOX_KEEP_DAYS * DAY_MS,
    pruneEveryMs: given.LETHE_PRUNE_EVERY_MS,
    watch:
      given.LETHE_CONNECT_URL === undefined
        ? null
        : {
            connectUrl: given.LETHE_CONNECT_URL,
            connector: given.LETHE_OUTBOX_CONNECTOR,
            everyMs: given.LETHE_CONNECT_EVERY_MS,
          },
  }
}
