import { createLogger, type Logger, type ServiceOptions } from '@lethe/service-host'
import { addAnswerHeaders } from './adapters/http/answer-headers.js'
import { documentedMethods } from './adapters/http/openapi.js'
import type { OpsConfig } from './config.js'
import { OpsModule } from './ops.module.js'
import { openParts } from './parts.js'

/** The ops service: its module, and what `/readyz` asks. Kafka is not asked: it is there to say that Kafka is down. */
export function opsService(config: OpsConfig, logger: Logger = createLogger('ops')): ServiceOptions {
  const parts = openParts(config, logger)
  return {
    name: 'ops',
    logger,
    module: OpsModule.around(parts),
    port: config.port,
    methodsOf: documentedMethods(),
    configure: (app) => addAnswerHeaders(app),
    readiness: [{ name: 'postgresql', check: async () => void (await parts.pool.query('SELECT 1')) }],
  }
}
