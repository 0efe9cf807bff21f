import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { type HeadPlace, headSettings, headShape } from '@lethe/request-log'
import {
  ConfigError,
  type Environment,
  type IdentityProvider,
  identityProvider,
  loadConfig,
} from '@lethe/service-host'
import { z } from 'zod'
import type { EpochSettings } from './vault/epochs.js'
import type { MasterSource } from './vault/master-key.js'

const milliseconds = (fallback: number) => z.coerce.number().int().min(1).default(fallback)

const probes = z.string().transform((text, context) => {
  const urls = new Map<string, string>()
  for (const part of text.split(',').filter((item) => item.trim() !== '')) {
    const at = part.indexOf('=')
    const url = part.slice(at + 1).trim()
    if (at < 1 || !URL.canParse(url)) {
      context.addIssue({ code: 'custom', message: 'is written <systemId>=<url>, separated by commas' })
      return z.NEVER
    }
    urls.set(part.slice(0, at).trim(), url)
  }
  return urls
})

const tenants = z.string().transform((text, context) => {
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name))) return new Set(names)
  context.addIssue({ code: 'custom', message: 'is written <tenant>,<tenant>' })
  return z.NEVER
})

const environment = z.object({
  LETHE_PG_URL: z.string().min(1),
  LETHE_KAFKA: z.string().min(1),
  LETHE_REGISTRY_URL: z.url(),
  LETHE_CREDENTIALS: z.string().min(1),
  LETHE_DATA_MAP: z.string().min(1),
  LETHE_GRANT_SECRET: z.string().min(16, 'needs at least 16 characters'),
  LETHE_PEPPERS: z.string().min(1),
  LETHE_VAULT_KEYS: z.string().min(1),
  LETHE_VAULT_MASTER_FILE: z.string().min(1).optional(),
  LETHE_VAULT_MASTER_COMMAND: z.string().min(1).optional(),
  LETHE_HEAD_FILE: z.string().min(1).optional(),
  LETHE_HEAD_SECRET: z.string().optional(),
  LETHE_VAULT_EPOCH_MS: milliseconds(30 * 86_400_000),
  LETHE_VAULT_KEEP_MS: milliseconds(30 * 86_400_000),
  LETHE_VAULT_CHECK_MS: milliseconds(5_000),
  LETHE_PROBES: probes,
  LETHE_TENANTS: tenants.optional(),
  LETHE_PROBE_TOKEN: z.string().min(1),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535).default(29_001),
  LETHE_TOPIC_PREFIX: z.string().default(''),
  LETHE_MAX_IN_FLIGHT: z.coerce.number().int().min(1).default(2_000),
  LETHE_PEOPLE_PER_MIN: z.coerce.number().int().min(1).max(100_000).default(600),
  LETHE_PROBE_TIMEOUT_MS: milliseconds(5_000),
  LETHE_RESOLVE_RETRY_MS: milliseconds(2_000),
  LETHE_RESOLUTION_FRESH_MS: z.coerce.number().int().min(0).default(10_000),
  /** Between two looks at the catalogue: a backup that is kept too long is told within minutes. */
  LETHE_KEEP_LONGER_MS: milliseconds(300_000),
  LETHE_OUTBOX_LOST_AFTER_MS: milliseconds(30_000),
  LETHE_OUTBOX_LONGEST_WAIT_MS: milliseconds(60_000),
  LETHE_BODY_LIMIT: z.coerce.number().int().min(1_024).default(2_097_152),
})

export interface RequestConfig {
  readonly pgUrl: string
  readonly kafka: KafkaConfig
  readonly registryUrl: string
  readonly credentialsFile: string
  /** Whose tokens of people are taken as well; null: none. */
  readonly people: IdentityProvider | null
  readonly dataMapFile: string
  readonly grantSecret: string
  /** Where the head of Lethe's own database is kept; null: nobody notices when that is restored. */
  readonly head: HeadPlace | null
  /** `v1=<secret>,v2=<secret>` */
  readonly peppers: string
  /** A key file, or a directory of wrapped keys. */
  readonly vaultKeys: string
  /** Where the key that wraps such a directory comes from. */
  readonly vaultMaster: MasterSource
  readonly epochs: EpochSettings
  /** How often the vault looks for what is due, and for what other processes changed. */
  readonly vaultCheckMs: number
  /** Base URLs of the probe deployments by system id. */
  readonly probes: ReadonlyMap<string, string>
  /** The tenants there are; null when nobody listed them and any id is taken for one. */
  readonly tenants: ReadonlySet<string> | null
  readonly probeToken: string
  readonly port: number
  readonly topicPrefix: string
  /** Accepts waiting or running at once; beyond it callers get `queue_full`. */
  readonly maxInFlight: number
  /** How many people may be named a minute with one credential: previews, and questions about people. */
  readonly peoplePerMinute: number
  readonly probeTimeoutMs: number
  /** How often requests whose probes were unreachable are resolved again. */
  readonly resolveRetryMs: number
  /** A resolution this young counts as the first step's own. */
  readonly resolutionFreshMs: number
  /** Milliseconds between two looks for backups that are kept longer than the data map says. */
  readonly keepLongerMs: number
  /** An outbox row not seen on its topic by then is published again; each time later, up to the longest wait. */
  readonly outbox: { readonly lostAfterMs: number; readonly longestWaitMs: number }
  /** Bytes; a clearance question of 10,000 passes is the largest body. */
  readonly bodyLimit: number
}

/** @throws ConfigError naming every variable that is missing or wrong. */
export function requestConfig(given: Environment = process.env): RequestConfig {
  const env = loadConfig(environment, given)
  const wrong = headShape(env)
  if (wrong.length > 0) throw new ConfigError(wrong)
  return {
    pgUrl: env.LETHE_PG_URL,
    kafka: kafkaConfigFromEnvironment('request', given),
    registryUrl: env.LETHE_REGISTRY_URL,
    credentialsFile: env.LETHE_CREDENTIALS,
    people: identityProvider(given),
    dataMapFile: env.LETHE_DATA_MAP,
    grantSecret: env.LETHE_GRANT_SECRET,
    head: headSettings(env),
    peppers: env.LETHE_PEPPERS,
    vaultKeys: env.LETHE_VAULT_KEYS,
    vaultMaster: {
      file: env.LETHE_VAULT_MASTER_FILE ?? null,
      command: env.LETHE_VAULT_MASTER_COMMAND ?? null,
    },
    epochs: { lengthMs: env.LETHE_VAULT_EPOCH_MS, keepMs: env.LETHE_VAULT_KEEP_MS },
    vaultCheckMs: env.LETHE_VAULT_CHECK_MS,
    probes: env.LETHE_PROBES,
    tenants: env.LETHE_TENANTS ?? null,
    probeToken: env.LETHE_PROBE_TOKEN,
    port: env.LETHE_PORT,
    topicPrefix: env.LETHE_TOPIC_PREFIX,
    maxInFlight: env.LETHE_MAX_IN_FLIGHT,
    peoplePerMinute: env.LETHE_PEOPLE_PER_MIN,
    probeTimeoutMs: env.LETHE_PROBE_TIMEOUT_MS,
    resolveRetryMs: env.LETHE_RESOLVE_RETRY_MS,
    resolutionFreshMs: env.LETHE_RESOLUTION_FRESH_MS,
    keepLongerMs: env.LETHE_KEEP_LONGER_MS,
    outbox: { lostAfterMs: env.LETHE_OUTBOX_LOST_AFTER_MS, longestWaitMs: env.LETHE_OUTBOX_LONGEST_WAIT_MS },
    bodyLimit: env.LETHE_BODY_LIMIT,
  }
}
