import { type KafkaConfig, kafkaConfigFromEnvironment } from '@lethe/messaging'
import { ConfigError, loadConfig } from '@lethe/service-host'
import { z } from 'zod'
import type { Role } from './connector.js'

const environment = z.object({
  LETHE_SYSTEM: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,98}$/, 'must be a systemId of the data map'),
  LETHE_ROLE: z.enum(['erase', 'probe']),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535),
  LETHE_REQUEST_URL: z.url(),
  LETHE_TOKEN: z.string().min(16, 'must have at least 16 characters'),
  LETHE_REGISTRY_URL: z.url(),
  LETHE_KAFKA: z.string(),
  LETHE_PROBE_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
})

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
  /** The connection secret the data map names, or undefined. Read when needed: the name comes with the map. */
  secret(name: string): string | undefined
}

/** Reads a deployment from the environment. Throws ConfigError naming everything that is missing. */
export function eraserConfig(env: Readonly<Record<string, string | undefined>> = process.env): EraserConfig {
  const given = loadConfig(environment, env)
  if (given.LETHE_ROLE === 'probe' && !given.LETHE_PROBE_TOKEN)
    throw new ConfigError([{ name: 'LETHE_PROBE_TOKEN', problem: 'is missing' }])
  return {
    systemId: given.LETHE_SYSTEM,
    role: given.LETHE_ROLE,
    port: given.LETHE_PORT,
    requestUrl: given.LETHE_REQUEST_URL,
    token: given.LETHE_TOKEN,
    registryUrl: given.LETHE_REGISTRY_URL,
    kafka: kafkaConfigFromEnvironment(`${given.LETHE_ROLE}.${given.LETHE_SYSTEM}`, env),
    ...(given.LETHE_PROBE_TOKEN ? { probeToken: given.LETHE_PROBE_TOKEN } : {}),
    secret: (name) => env[name] || undefined,
  }
}
