import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './exit.js'

export interface CliConfig {
  readonly url: string
  readonly token: string
}

const env = process.env

/** The caller's environment, for settings that other packages read. */
export const environment: Readonly<Record<string, string | undefined>> = env

/** State directory of the local stack. */
export const stateDirectory = (): string => env.LETHE_STATE ?? join(process.cwd(), '.lethe')

/**
 * Where the request service is and which credential to use: `LETHE_REQUEST_URL` and `LETHE_TOKEN`,
 * else the local stack's operator. Throws `UsageError` when neither is there.
 */
export function loadConfig(localUrl: string): CliConfig {
  const url = env.LETHE_REQUEST_URL ?? localUrl
  if (env.LETHE_TOKEN) return { url, token: env.LETHE_TOKEN }
  const file = env.LETHE_TOKEN_FILE ?? join(stateDirectory(), 'secrets', 'operator.token')
  try {
    return { url, token: readFileSync(file, 'utf8').trim() }
  } catch (cause) {
    throw new UsageError(
      `no credential: set LETHE_TOKEN, or start the local stack with \`lethe up\` (looked in ${file})`,
      {
        cause,
      },
    )
  }
}

/** The restore service, and the same credential: `LETHE_RESTORE_URL`. */
export const restoreConfig = (localUrl: string): CliConfig => ({
  ...loadConfig(localUrl),
  url: env.LETHE_RESTORE_URL ?? localUrl,
})

/** Address of a copy, for whoever keeps its password out of the process list: `LETHE_COPY_URL`. */
export const copyUrl = (): string | undefined => env.LETHE_COPY_URL || undefined

/** Address of a search server, with its password: `LETHE_SEARCH_URL`. */
export const searchServerUrl = (): string | undefined => env.LETHE_SEARCH_URL || undefined

/** Colours only where a person looks. */
export const interactive = (): boolean => process.stdout.isTTY === true && env.NO_COLOR === undefined

/** Lethe's database as its owner; only maintenance commands need it. */
export const letheDatabaseUrl = (localUrl: string): string => env.LETHE_OWNER_URL ?? localUrl
