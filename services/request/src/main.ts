import { runMain, runService } from '@lethe/service-host'
import { requestConfig } from './config.js'
import { requestService } from './service.js'

await runMain('request', async () => {
  await runService(await requestService(requestConfig()))
})
