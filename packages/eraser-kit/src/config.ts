import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { topics } from '@lethe/schemas'
import { ConfigError, loadConfig } from '@lethe/service-host'
import { z } from 'zod'
import type { Role } from './connector.js'

const DAY_MS = 86_400_000
/** Nothing that asks for a receipt is kept longer by any topic. */
const RETENTION_DAYS = Math.max(...Object.values(topics).map(({ retentionMs }) => retentionMs)) / DAY_MS

const environment = z.object({
  LETHE_SYSTEM: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,98}$/, 'must be a systemId of the data map'),
  LETHE_ROLE: z.enum(['erase', 'probe']),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535),
  LETHE_REQUEST_URL: z.url(),
  LETHE_TOKEN: z.string().min(16, 'must have at least 16 characters'),
  LETHE_REGISTRY_URL: z.url(),
  LETHE_PROBE_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  LETHE_RECEIPTS_KEEP_DAYS: z.coerce
    .number()
    .min(RETENTION_DAYS, `must not be less than the ${RETENTION_DAYS} days topics keep messages`)
    .default(RETENTION_DAYS + 7),
  LETHE_PRUNE_EVERY_MS: z.coerce.number().int().min(1_000).max(DAY_MS).default(DAY_MS),
})

/** What a deployment does that says nothing of pruning. */
export const pruningDefaults = { receiptsKeepMs: (RETENTION_DAYS + 7) * DAY_MS, pruneEveryMs: DAY_MS }

/** One deployment of an eraser: which system, as what, and with whom it talks. */
export interface EraserConfig {
  readonly systemId: string
  readonly role: Role
  readonly port: number
  readonly requestUrl: string
  /** This deployment's own credential with `request`. */
  readonly token: string
  readonly registryUrl: string
  readonly kafka: KafkaConfig
  /** What `request` shows to preview and resolve; probe only. */
  readonly probeToken?: string
  /** Milliseconds receipts stay in the store; default 97 days. Erase only. */
  readonly receiptsKeepMs?: number
  /** Milliseconds between two prunings; default a day. */
  readonly pruneEveryMs?: number
  /** The connection secret the data map names, or undefined. Read when needed: the name comes with the map. */
  secret(name: string): string | undefined
}

/** Reads a deployment from the environment. Throws ConfigError naming everything that is missing. */
export function eraserConfig(env: Readonly<Record<string, string | undefined>> = process.env): EraserConfig {
  const problems: ConfigError['problems'][number][] = []
  const given = collecting(problems, () => loadConfig(environment, env))
  if (env.LETHE_ROLE === 'probe' && !env.LETHE_PROBE_TOKEN)
    problems.push({ name: 'LETHE_PROBE_TOKEN', problem: 'is missing, and nobody else may ask a probe' })
  const clientId = `${env.LETHE_ROLE}.${env.LETHE_SYSTEM}`
  const kafka = collecting(problems, () => kafkaConfigFromEnvironment(clientId, env))
  if (!given || !kafka || problems.length > 0) throw new ConfigError(problems)
  return {
    systemId: given.LETHE_SYSTEM,
    role: given.LETHE_ROLE,
    port: given.LETHE_PORT,
    requestUrl: given.LETHE_REQUEST_URL,
    token: given.LETHE_TOKEN,
    registryUrl: given.LETHE_REGISTRY_URL,
    kafka,
    receiptsKeepMs: given.LETHE_RECEIPTS_KEEP_DAYS * DAY_MS,
    pruneEveryMs: given.LETHE_PRUNE_EVERY_MS,
    ...(given.LETHE_PROBE_TOKEN ? { probeToken: given.LETHE_PROBE_TOKEN } : {}),
    secret: (name) => env[name] || undefined,
  }
}

/** A person corrects the environment in one go: what one part of it lacks must not hide the rest. */
function collecting<T>(problems: ConfigError['problems'][number][], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}
