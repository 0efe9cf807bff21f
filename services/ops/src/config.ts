import { readFileSync } from 'node:fs'
import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { ConfigError, type Environment, identityProvider, loadConfig } from '@lethe/service-host'
import { z } from 'zod'
import type { OidcSettings } from './adapters/oidc-client.js'
import type { SessionOptions } from './application/sessions.js'

const schema = z.object({
  LETHE_PG_URL: z.string().min(1),
  LETHE_KAFKA: z.string().min(1),
  LETHE_CREDENTIALS: z.string().min(1),
  LETHE_CONNECT_URL: z.url().optional(),
  LETHE_REQUEST_URL: z.url().optional(),
  LETHE_RESTORE_URL: z.url().optional(),
  LETHE_REGISTRY_URL: z.url().optional(),
  LETHE_DRILL_MS: z.coerce.number().int().min(1_000).optional(),
  LETHE_PUBLIC_URL: z.url().optional(),
  LETHE_SESSION_IDLE_MIN: z.coerce.number().positive().max(1_440).default(30),
  LETHE_SESSION_HOURS: z.coerce.number().positive().max(168).default(12),
  LETHE_PEOPLE_PER_MIN: z.coerce.number().int().min(1).max(100_000).default(60),
  LETHE_OIDC_CLIENT_SECRET_FILE: z.string().min(1).optional(),
  LETHE_OIDC_SCOPES: z.string().min(1).default('openid'),
  LETHE_OIDC_LABEL: z.string().min(1).max(60).default('your organisation'),
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
  /** The request service, for actions; null: they are refused. */
  readonly requestUrl: string | null
  /** The restore service, for backups and drills; null: they are unknown. */
  readonly restoreUrl: string | null
  /** How often every system must pass a restore drill, as `restore` has it; null: none is asked for. */
  readonly drillEveryMs: number | null
  /** The schema registry, to read dead letters; null: what they hold is not shown. */
  readonly registryUrl: string | null
  /** What people type in; https makes the session's cookie Secure. null: plain HTTP on this machine. */
  readonly publicUrl: string | null
  /** Sign-in at an identity provider; null: with the token of a service credential only. */
  readonly oidc: OidcSettings | null
  readonly session: Pick<SessionOptions, 'idleMs' | 'longestMs'>
  /** How many people may be named a minute with one credential. */
  readonly peoplePerMinute: number
  /** Milliseconds between two looks at the lag when nobody asks. */
  readonly sampleMs: number
  readonly port: number
}

/** @throws ConfigError naming every variable that is missing or wrong. */
export function opsConfig(env: Environment = process.env): OpsConfig {
  const given = loadConfig(schema, env)
  return {
    pgUrl: given.LETHE_PG_URL,
    kafka: kafkaConfigFromEnvironment('ops', env),
    credentialsFile: given.LETHE_CREDENTIALS,
    connectUrl: given.LETHE_CONNECT_URL?.replace(/\/+$/, '') ?? null,
    connector: given.LETHE_CONNECTOR,
    requestUrl: given.LETHE_REQUEST_URL?.replace(/\/+$/, '') ?? null,
    restoreUrl: given.LETHE_RESTORE_URL?.replace(/\/+$/, '') ?? null,
    drillEveryMs: given.LETHE_DRILL_MS ?? null,
    registryUrl: given.LETHE_REGISTRY_URL ?? null,
    publicUrl: given.LETHE_PUBLIC_URL ?? null,
    oidc: oidcSettings(given, env),
    session: {
      idleMs: given.LETHE_SESSION_IDLE_MIN * 60_000,
      longestMs: given.LETHE_SESSION_HOURS * 3_600_000,
    },
    peoplePerMinute: given.LETHE_PEOPLE_PER_MIN,
    sampleMs: given.LETHE_SAMPLE_MS,
    port: given.LETHE_PORT,
  }
}

function oidcSettings(given: z.infer<typeof schema>, env: Environment): OidcSettings | null {
  const provider = identityProvider(env)
  if (provider === null) return null
  const { LETHE_PUBLIC_URL: publicUrl, LETHE_OIDC_CLIENT_SECRET_FILE: file } = given
  if (publicUrl === undefined)
    throw new ConfigError([
      { name: 'LETHE_PUBLIC_URL', problem: 'is missing, and LETHE_OIDC_ISSUER needs it' },
    ])
  return {
    ...provider,
    publicUrl,
    clientSecret: file === undefined ? null : secretIn(file),
    scopes: given.LETHE_OIDC_SCOPES,
    label: given.LETHE_OIDC_LABEL,
  }
}

function secretIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new ConfigError([
      { name: 'LETHE_OIDC_CLIENT_SECRET_FILE', problem: 'names a file that can not be read' },
    ])
  }
}
