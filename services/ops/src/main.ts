import { runMain, runService } from '@lethe/service-host'
import { opsConfig } from './config.js'
import { opsService } from './service.js'

await runMain('ops', async () => {
  await runService(opsService(opsConfig()))
})
