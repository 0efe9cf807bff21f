import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { RetryableError } from '@lethe/service-host'

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

/** How long a call to the registry may take. */
export interface RegistryDeadline {
  /** Milliseconds for one call, its repetitions included. */
  readonly withinMs: number
  /** Ends calls under way and refuses others. */
  readonly signal?: AbortSignal
}

/** RetryableError `registry_unavailable`: nothing came in time. */
const late = (ms: number) =>
  new RetryableError('registry_unavailable', `the schema registry did not answer within ${ms / 1_000} s`)

/** What ends a call that is bounded so. */
export function endOf({ withinMs, signal }: RegistryDeadline): AbortSignal {
  const timeout = AbortSignal.timeout(withinMs)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

/** Why a call that `endOf` ended did: the caller's own reason, or that no answer came. */
export function reasonOf({ withinMs, signal }: RegistryDeadline): Error {
  if (!signal?.aborted) return late(withinMs)
  return signal.reason instanceof Error ? signal.reason : new Error('The call was stopped.')
}

/**
 * Bounds every call of the registry's client. Its HTTP client waits for ever for an answer that is cut off in the
 * middle, and everybody who asks for the same schema afterwards waits with it.
 */
export function deadlineMiddleware(deadline: RegistryDeadline): Middleware {
  return () => ({
    request: (request) => request.enhance({ timeout: deadline.withinMs }),
    response: (next) => {
      const end = endOf(deadline)
      return new Promise((resolve, reject) => {
        const stop = () => reject(reasonOf(deadline))
        if (end.aborted) return stop()
        end.addEventListener('abort', stop, { once: true })
        next()
          .then(resolve, reject)
          .finally(() => end.removeEventListener('abort', stop))
      })
    },
  })
}
