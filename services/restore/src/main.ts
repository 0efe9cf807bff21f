import { runMain, runService } from '@lethe/service-host'
import { restoreConfig } from './config.js'
import { restoreService } from './service.js'

await runMain('restore', async () => {
  await runService(await restoreService(restoreConfig()))
})
