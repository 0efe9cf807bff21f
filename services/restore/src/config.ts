import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { type HeadPlace, headSettings, headShape } from '@lethe/request-log'
import { ConfigError, type IdentityProvider, identityProvider, loadConfig } from '@lethe/service-host'
import { z } from 'zod'
import type { DrillSettings } from './application/drill-ground.js'

const drillValues = z.record(z.string(), z.record(z.string(), z.string()))

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const schema = z.object({
  LETHE_PG_URL: z.string().min(1),
  LETHE_KAFKA: z.string().min(1),
  LETHE_REGISTRY_URL: z.url(),
  LETHE_REQUEST_URL: z.url(),
  LETHE_TOKEN: z.string().min(16, 'must have at least 16 characters'),
  LETHE_CREDENTIALS: z.string().min(1),
  /** `shop-pg:postgres,cache:redis`: what is watched, and with which connector. */
  LETHE_SYSTEMS: z.string().transform((text, context) => {
    const systems = new Map<string, string>()
    for (const part of text.split(',').map((one) => one.trim())) {
      const [systemId, kind, ...rest] = part.split(':')
      if (!systemId || !kind || rest.length > 0) {
        context.addIssue({ code: 'custom', message: 'is written <systemId>:<kind>, separated by commas' })
        return z.NEVER
      }
      systems.set(systemId, kind)
    }
    return systems
  }),
  /** Signs markers; only the restore service has it. */
  LETHE_MARKER_SECRET: z.string().min(32, 'needs at least 32 characters'),
  /** Which installation this is; a copy of another one's store is refused. */
  LETHE_INCARNATION: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'is 1 to 40 of a-z, 0-9 and -')
    .default('lethe'),
  LETHE_POLL_MS: z.coerce.number().int().min(100).max(60_000).default(5_000),
  /** Between two sweeps of everybody, and between two samples. */
  LETHE_SWEEP_MS: z.coerce.number().int().min(1_000).default(86_400_000),
  LETHE_SAMPLE_MS: z.coerce.number().int().min(1_000).default(3_600_000),
  /** Of a store's time, for sweeps. */
  LETHE_SWEEP_SHARE: z.coerce.number().min(0.001).max(1).default(0.1),
  /** Where the head of the tombstones' chain is kept outside Lethe's database, and what signs it. */
  LETHE_HEAD_FILE: z.string().min(1).optional(),
  LETHE_HEAD_SECRET: z.string().optional(),
  /** How often a restore drill must be passed; without it nobody is told that none was, and none runs by itself. */
  LETHE_DRILL_MS: z.coerce.number().int().min(1_000).optional(),
  /** A credential of role service, for the tenant of drills alone; without it there are no drills. */
  LETHE_DRILL_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  LETHE_DRILL_TENANT: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is the id of a tenant: letters, digits and . _ -')
    .default('lethe-drill'),
  LETHE_DRILL_DIR: z.string().min(1).optional(),
  LETHE_DRILL_TOOLS: z.string().min(1).optional(),
  /** `{"shop-pg": {"plan": "free"}}`: what a made-up person's record needs and a drill can't know. */
  LETHE_DRILL_VALUES: z
    .string()
    .default('{}')
    .transform((text, context) => {
      const parsed = drillValues.safeParse(jsonOf(text))
      if (parsed.success) return parsed.data
      context.addIssue({ code: 'custom', message: 'is JSON such as {"shop-pg": {"plan": "free"}}' })
      return z.NEVER
    }),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535).default(29_003),
  LETHE_TOPIC_PREFIX: z.string().default(''),
})

export interface RestoreConfig {
  readonly pgUrl: string
  readonly kafka: KafkaConfig
  readonly registryUrl: string
  readonly requestUrl: string
  readonly token: string
  readonly credentialsFile: string
  /** Whose tokens of people are taken as well; null: none. */
  readonly people: IdentityProvider | null
  /** Kind of connector by system id. */
  readonly systems: ReadonlyMap<string, string>
  readonly markerSecret: string
  readonly incarnation: string
  /** Milliseconds between two looks at a store. */
  readonly pollMs: number
  /** Milliseconds between sweeps. */
  readonly sweeps: { readonly fullMs: number; readonly sampleMs: number }
  /** Of a store's time that sweeps may take, above 0 and at most 1. */
  readonly sweepShare: number
  /** Milliseconds between two drills at most; null where none is asked for. */
  readonly drillEveryMs: number | null
  /** What erases made-up people; undefined where there are no drills. */
  readonly drillToken: string | undefined
  readonly drills: DrillSettings
  /** Null: nobody notices when Lethe's own database is restored. */
  readonly head: HeadPlace | null
  readonly port: number
  readonly topicPrefix: string
  /** Connection of the replay role, by the name the data map gives it. */
  secret(name: string): string | undefined
}

/** @throws ConfigError naming every variable that is missing or wrong. */
export function restoreConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): RestoreConfig {
  const given = loadConfig(schema, env)
  const wrong = headShape(given)
  if (wrong.length > 0) throw new ConfigError(wrong)
  return {
    pgUrl: given.LETHE_PG_URL,
    kafka: kafkaConfigFromEnvironment('restore', env),
    registryUrl: given.LETHE_REGISTRY_URL,
    requestUrl: given.LETHE_REQUEST_URL,
    token: given.LETHE_TOKEN,
    credentialsFile: given.LETHE_CREDENTIALS,
    people: identityProvider(env),
    systems: given.LETHE_SYSTEMS,
    markerSecret: given.LETHE_MARKER_SECRET,
    incarnation: given.LETHE_INCARNATION,
    pollMs: given.LETHE_POLL_MS,
    sweeps: { fullMs: given.LETHE_SWEEP_MS, sampleMs: given.LETHE_SAMPLE_MS },
    sweepShare: given.LETHE_SWEEP_SHARE,
    drillEveryMs: given.LETHE_DRILL_MS ?? null,
    drillToken: given.LETHE_DRILL_TOKEN,
    drills: {
      folder: given.LETHE_DRILL_DIR ?? join(tmpdir(), 'lethe-drills'),
      tools: given.LETHE_DRILL_TOOLS,
      tenantId: given.LETHE_DRILL_TENANT,
      values: given.LETHE_DRILL_VALUES,
    },
    head: headSettings(given),
    port: given.LETHE_PORT,
    topicPrefix: given.LETHE_TOPIC_PREFIX,
    secret: (name) => env[name] || undefined,
  }
}
