import type { z } from 'zod'

/** The configuration is not usable. The message lists every variable at once and never shows a value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly { readonly name: string; readonly problem: string }[]) {
    super(
      `The environment is not complete. Set or correct:\n${problems.map((p) => `  ${p.name}: ${p.problem}`).join('\n')}`,
    )
    this.name = 'ConfigError'
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Parses the environment with a zod object whose keys are variable names; an empty variable counts as
 * missing. Throws `ConfigError` naming everything that is wrong, so that a person corrects it in one go.
 */
export function loadConfig<Shape extends z.ZodObject>(
  schema: Shape,
  env: Environment = process.env,
): z.infer<Shape> {
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw new ConfigError(
    parsed.error.issues.map((issue) => {
      const name = String(issue.path[0] ?? '(environment)')
      return { name, problem: name in given ? issue.message : 'is missing' }
    }),
  )
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** `LETHE_LOG_LEVEL`, `info` when unset or unknown: a typo there must not stop an erasure. */
export function logLevel(env: Environment = process.env): string {
  const level = env.LETHE_LOG_LEVEL ?? 'info'
  return levels.includes(level) ? level : 'info'
}
