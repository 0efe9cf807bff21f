import { readFileSync } from 'node:fs'
import { ConfigError, type Environment, loadConfig } from '@lethe/service-host'
import { z } from 'zod'

const environment = z.object({
  LETHE_SERVICES_FILE: z.string().min(1),
  LETHE_PORT: z.coerce.number().int().min(0).max(65_535).default(29_006),
})

/** What every service may be given alike. Anything else stands with the service it is for. */
const sharedNames = /^LETHE_(KAFKA(_TLS|_CA|_CERT|_KEY|_SASL)?|REGISTRY_URL|REQUEST_URL|TOPIC_PREFIX)$/

const settings = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'is no name of a setting'), z.string())
const services = z.strictObject({
  shared: settings.default({}),
  services: z.record(
    z.string(),
    z.strictObject({
      /** The folder below `services/` whose program this is: `request`, `erasers/redis`. */
      program: z.string(),
      settings,
    }),
  ),
})

/** One service: which program, and everything it would find in its environment as a process. */
export interface Section {
  readonly name: string
  readonly program: string
  readonly settings: Environment
}

export interface OneProcessConfig {
  readonly port: number
  readonly sections: readonly Section[]
}

/**
 * Reads which services run and what each is given: `LETHE_SERVICES_FILE`, JSON. A service sees its own section
 * and what is shared, and nothing of the process's environment.
 *
 * @throws ConfigError naming what is wrong and where, without any value.
 */
export function oneProcessConfig(env: Environment = process.env): OneProcessConfig {
  const given = loadConfig(environment, env)
  const parsed = services.safeParse(contentOf(given.LETHE_SERVICES_FILE))
  if (!parsed.success)
    throw wrong(parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`))
  const { shared, services: sections } = parsed.data
  const own = Object.keys(shared).filter((name) => !sharedNames.test(name))
  if (own.length > 0)
    throw wrong(own.map((name) => `shared.${name} is not for every service: give it to those that need it`))
  if (Object.keys(sections).length === 0) throw wrong(['services: it names none'])
  return {
    port: given.LETHE_PORT,
    sections: Object.entries(sections).map(([name, section]) => ({
      name,
      program: section.program,
      settings: Object.freeze({ ...shared, ...section.settings }),
    })),
  }
}

function contentOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    // What a parser says of a broken file quotes it, and there are secrets in it.
    throw wrong([error instanceof SyntaxError ? 'the file is not JSON' : 'the file can not be read'])
  }
}

const wrong = (problems: readonly string[]): ConfigError =>
  new ConfigError(problems.map((problem) => ({ name: 'LETHE_SERVICES_FILE', problem })))
