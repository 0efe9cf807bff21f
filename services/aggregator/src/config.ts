import { loadConfig } from '@lethe/service-host'
import { z } from 'zod'

const schema = z.object({
  LETHE_PG_URL: z.string(),
  LETHE_KAFKA: z.string(),
  LETHE_REGISTRY_URL: z.string(),
  LETHE_GRANT_SECRET: z.string().min(32, 'is too short: use at least 32 characters'),
  LETHE_PORT: z.coerce.number().int().min(0).default(29002),
  LETHE_TOPIC_PREFIX: z.string().default(''),
  /** Milliseconds between two looks for requests whose next step is due. */
  LETHE_TICK_MS: z.coerce.number().int().min(10).default(200),
})

export interface AggregatorConfig {
  readonly pgUrl: string
  readonly registryUrl: string
  readonly grantSecret: string
  readonly port: number
  readonly topicPrefix: string
  readonly tickMs: number
}

/** Reads the environment; throws `ConfigError` naming everything that is missing. */
export function aggregatorConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): AggregatorConfig {
  const given = loadConfig(schema, env)
  return {
    pgUrl: given.LETHE_PG_URL,
    registryUrl: given.LETHE_REGISTRY_URL,
    grantSecret: given.LETHE_GRANT_SECRET,
    port: given.LETHE_PORT,
    topicPrefix: given.LETHE_TOPIC_PREFIX,
    tickMs: given.LETHE_TICK_MS,
  }
}
