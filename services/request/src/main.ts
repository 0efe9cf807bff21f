import { MessageCodec } from '@lethe/messaging'
import type { TopicName } from '@lethe/schemas'
import { createLogger, runMain, runService } from '@lethe/service-host'
import { consumers } from './adapters/consumers.js'
import { documentedMethods } from './adapters/http/openapi.js'
import { readConfig } from './config.js'
import { openParts } from './parts.js'
import { RequestModule } from './request.module.js'

await runMain('request', async () => {
  const config = readConfig()
  const logger = createLogger('request')
  const codec = await MessageCodec.connect(config.registryUrl, { register: true })
  const parts = await openParts(config, logger, (topic, type, value) =>
    codec.encode(topic as TopicName, type, value),
  )
  await runService({
    name: 'request',
    module: RequestModule.around(parts),
    port: config.port,
    logger,
    bodyLimit: config.bodyLimit,
    methodsOf: documentedMethods(),
    microservice: consumers(parts.reconciler, {
      kafka: config.kafka,
      codec,
      logger,
    }),
    readiness: [{ name: 'postgresql', check: async () => void (await parts.pool.query('SELECT 1')) }],
  })
})
