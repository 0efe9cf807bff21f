import { runMain, runServices } from '@lethe/service-host'
import { oneProcessConfig } from './config.js'
import { servicesOf } from './programs.js'

await runMain('one-process', async () => {
  const { port, sections } = oneProcessConfig()
  await runServices({ name: 'one-process', port, services: servicesOf(sections) })
})
