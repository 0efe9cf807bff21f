import type { TracingConfig } from '../config.js'
import type { Logger } from '../logger.js'
import type { Tracing } from './open-telemetry.js'
import { tracingIsOn, useSpanMaker } from './traces.js'

/**
 * Turns tracing on for this process. Null, and nothing is loaded, without an endpoint or when another service
 * of the same process has turned it on already.
 */
export async function startTracing(
  service: string,
  config: TracingConfig | null,
  logger: Logger,
): Promise<Pick<Tracing, 'stop'> | null> {
  if (config === null || tracingIsOn()) return null
  const { openTelemetry } = await import('./open-telemetry.js')
  const tracing = openTelemetry(service, config, logger)
  useSpanMaker(tracing)
  return {
    stop: async () => {
      useSpanMaker(null)
      await tracing.stop()
    },
  }
}
