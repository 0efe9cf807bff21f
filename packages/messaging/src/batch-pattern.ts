import type { TopicName } from '@lethe/schemas'
import {
  type ArgumentsHost,
  applyDecorators,
  Catch,
  type RpcExceptionFilter,
  UseFilters,
} from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import { type Observable, throwError } from 'rxjs'

/** Marks a handler whose errors reach the transport unchanged. */
export const BATCH_HANDLER = 'letheBatchHandler'

/**
 * Nest's own filter turns every error of a handler into "Internal server error", which would make a
 * PausedError look like poison. This one lets errors through.
 */
@Catch()
export class PassErrorsThrough implements RpcExceptionFilter<unknown> {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error)
  }
}

/**
 * `@EventPattern(topic)` for KafkaBatchStrategy: the method gets `Incoming<T>[]` as payload and, with
 * `@Ctx()`, a BatchContext. `topic` is the name without the deployment's prefix.
 */
export function BatchPattern(topic: TopicName): MethodDecorator {
  const pattern = EventPattern<string>(topic, { [BATCH_HANDLER]: true }) as MethodDecorator
  return applyDecorators(pattern, UseFilters(new PassErrorsThrough()))
}
