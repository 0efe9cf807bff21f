import { runMain, runService } from '@lethe/service-host'
import { aggregatorConfig } from './config.js'
import { aggregatorService } from './service.js'

await runMain('aggregator', async () => {
  await runService(await aggregatorService(aggregatorConfig()))
})
