import { KafkaBatchStrategy } from '@lethe/messaging'
import { runMain, runService } from '@lethe/service-host'
import { Pool } from 'pg'
import { AggregatorModule } from './aggregator.module.js'
import { aggregatorConfig } from './config.js'

await runMain('aggregator', async () => {
  const config = aggregatorConfig()
  await runService({
    name: 'aggregator',
    module: await AggregatorModule.with(config),
    port: config.port,
    microservice: (app) => app.get(KafkaBatchStrategy),
    readiness: (app) => [
      { name: 'postgres', check: async () => void (await app.get(Pool).query('SELECT 1')) },
    ],
  })
})
