import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { loadConfig } from '@lethe/service-host'
import { z } from 'zod'

const schema = z.object({
  LETHE_PG_URL: z.string().min(1),
  LETHE_KAFKA: z.string().min(1),
  LETHE_CREDENTIALS: z.string().min(1),
  LETHE_CONNECT_URL: z.url().optional(),
  LETHE_CONNECTOR: z.string().min(1).default('lethe-outbox'),
  LETHE_SAMPLE_MS: z.coerce.number().int().min(100).max(60_000).default(5_000),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535).default(29_005),
})

export interface OpsConfig {
  readonly pgUrl: string
  readonly kafka: KafkaConfig
  readonly credentialsFile: string
  /** Kafka Connect's REST interface; null: Debezium's state is unknown. */
  readonly connectUrl: string | null
  readonly connector: string
  /** Milliseconds between two looks at the lag when nobody asks. */
  readonly sampleMs: number
  readonly port: number
}

/** @throws ConfigError naming every variable that is missing or wrong. */
export function opsConfig(env: Readonly<Record<string, string | undefined>> = process.env): OpsConfig {
  const given = loadConfig(schema, env)
  return {
    pgUrl: given.LETHE_PG_URL,
    kafka: kafkaConfigFromEnvironment('ops', env),
    credentialsFile: given.LETHE_CREDENTIALS,
    connectUrl: given.LETHE_CONNECT_URL?.replace(/\/+$/, '') ?? null,
    connector: given.LETHE_CONNECTOR,
    sampleMs: given.LETHE_SAMPLE_MS,
    port: given.LETHE_PORT,
  }
}
