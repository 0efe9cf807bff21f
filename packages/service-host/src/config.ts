import { z } from 'zod'

/** The configuration is not usable. The message lists every variable at once and never shows a value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly { readonly name: string; readonly problem: string }[]) {
    super(
      `The environment is not complete. Set or correct:\n${problems.map((p) => `  ${p.name}: ${p.problem}`).join('\n')}`,
    )
    this.name = 'ConfigError'
  }
}

/** Settings by name: the process's environment, or one service's section of a settings file. */
export type Environment = Readonly<Record<string, string | undefined>>

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

export interface TracingConfig {
  /** Where spans are posted as OTLP. */
  readonly url: string
  /** Part of the requests that is traced, 0 to 1; the same in every process. */
  readonly ratio: number
  /** Milliseconds between two exports. */
  readonly delayMs: number
}

const tracingSchema = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url('must be a URL such as http://127.0.0.1:4318').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url('must be a URL that ends in /v1/traces').optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce.number().int().min(10).max(60_000).default(1_000),
})

/**
 * Where spans go, from OpenTelemetry's own variables; null, and tracing is off, when no endpoint is named.
 * Throws `ConfigError` for an endpoint that is no URL.
 */
export function tracingConfig(env: Environment = process.env): TracingConfig | null {
  const given = loadConfig(tracingSchema, env)
  const base = given.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  const url =
    given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`)
  if (url === undefined) return null
  return { url, ratio: given.OTEL_TRACES_SAMPLER_ARG, delayMs: given.OTEL_BSP_SCHEDULE_DELAY }
}
