export { AuthGuard, bearerToken, CallerParam, identified } from './access/auth.guard.js'
export { type Caller, inScope, type Role, roles } from './access/caller.js'
export { Credentials } from './access/credentials-file.js'
export { readJsonFile } from './access/json-file.js'
export { Pace, tooOften } from './access/pace.js'
export {
  type Identified,
  type IdentityProvider,
  identityProvider,
  PeoplesTokens,
} from './access/people.js'
export {
  ConfigError,
  type Environment,
  loadConfig,
  logLevel,
  type TracingConfig,
  tracingConfig,
} from './config.js'
export * from './errors.js'
export { Health, type Readiness, type ReadinessCheck } from './health.js'
export { createLogger, describeError, type ErrorDescription, type Logger, nestLogger } from './logger.js'
export { counter, gauge, histogram, metricsRegistry } from './metrics.js'
export * as openApi from './openapi.js'
export { parsed } from './parsed.js'
export {
  LetheExceptionFilter,
  type MethodsOf,
  type Problem,
  type ProblemCode,
  ProblemError,
  problem,
  problemOf,
  problems,
} from './problem.js'
export { exitCodes, type ProcessOptions, runMain, runService } from './process.js'
export { Repeating, type RepeatingOptions } from './repeating.js'
export { type RunningService, type ServiceOptions, startService } from './run-service.js'
export { type HostedService, type HostOptions, runServices } from './run-services.js'
export { tellsOfSelf } from './self-known.js'
export type { SpanAttributes, SpanName } from './tracing/allowed.js'
export { batchSpan, type Mark, pastSpan, spansAround, type Traced, traceparentFor } from './tracing/traces.js'
