import type { KafkaBatchStrategy } from '@lethe/messaging'
import { createLogger, type Logger, type ServiceOptions } from '@lethe/service-host'
import { Pool } from 'pg'
import { documentedMethods } from './adapters/http/openapi.js'
import type { RestoreConfig } from './config.js'
import { RestoreModule, STRATEGIES } from './restore.module.js'

/** The restore service: its module, its consumer, and what `/readyz` asks. */
export async function restoreService(
  config: RestoreConfig,
  logger: Logger = createLogger('restore'),
): Promise<ServiceOptions> {
  return {
    name: 'restore',
    logger,
    module: await RestoreModule.with(config, logger),
    port: config.port,
    methodsOf: documentedMethods(),
    microservice: (app) => app.get<KafkaBatchStrategy[]>(STRATEGIES),
    readiness: (app) => [
      { name: 'postgres', check: async () => void (await app.get(Pool).query('SELECT 1')) },
    ],
  }
}
