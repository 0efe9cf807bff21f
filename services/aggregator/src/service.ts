import { KafkaBatchStrategy } from '@lethe/messaging'
import { SelfWatch } from '@lethe/request-log'
import { createLogger, type Logger, PausedError, type ServiceOptions } from '@lethe/service-host'
import { Pool } from 'pg'
import { AggregatorModule } from './aggregator.module.js'
import type { AggregatorConfig } from './config.js'

/** The aggregator as a service: its module, its consumer, and what `/readyz` asks. */
export async function aggregatorService(
  config: AggregatorConfig,
  logger: Logger = createLogger('aggregator'),
): Promise<ServiceOptions> {
  return {
    name: 'aggregator',
    logger,
    module: await AggregatorModule.with(config, logger),
    port: config.port,
    microservice: (app) => app.get(KafkaBatchStrategy),
    readiness: (app) => [
      { name: 'postgres', check: async () => void (await app.get(Pool).query('SELECT 1')) },
      {
        name: 'self',
        check: async () => {
          if ((await app.get(SelfWatch).blocked()) !== null)
            throw new PausedError(
              'lethe_restored',
              "Lethe's own database was restored; see: lethe restore self",
            )
        },
      },
    ],
  }
}
