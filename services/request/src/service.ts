import { MessageCodec } from '@lethe/messaging'
import type { TopicName } from '@lethe/schemas'
import { createLogger, type Logger, type ServiceOptions } from '@lethe/service-host'
import { consumers } from './adapters/consumers.js'
import { documentedMethods } from './adapters/http/openapi.js'
import type { RequestConfig } from './config.js'
import { openParts } from './parts.js'
import { RequestModule } from './request.module.js'

/** The request service: its parts, opened, with its HTTP, its consumers, and what `/readyz` asks. */
export async function requestService(
  config: RequestConfig,
  logger: Logger = createLogger('request'),
): Promise<ServiceOptions> {
  const codec = await MessageCodec.connect(config.registryUrl, { register: true })
  const parts = await openParts(config, logger, (topic, type, value) =>
    codec.encode(topic as TopicName, type, value),
  )
  return {
    name: 'request',
    module: RequestModule.around(parts),
    port: config.port,
    logger,
    bodyLimit: config.bodyLimit,
    methodsOf: documentedMethods(),
    microservice: consumers(parts.reconciler, { kafka: config.kafka, codec, logger }),
    readiness: [{ name: 'postgresql', check: async () => void (await parts.pool.query('SELECT 1')) }],
  }
}
