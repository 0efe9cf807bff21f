import {
  installSearchServer,
  type SearchServer,
  type SearchServerName,
  startSearchServer,
} from '@lethe/infra'
import { afterAll, beforeAll, describe, test } from 'vitest'

const NAMES: readonly SearchServerName[] = ['elasticsearch7', 'elasticsearch9', 'opensearch3']

/**
 * Declares the same specs on each search server there is, one running at a time. Where a server can't be had, one
 * skipped test says why.
 */
export async function onSearchServers(declare: (server: () => SearchServer) => void): Promise<void> {
  for (const name of NAMES) {
    const installed = await installSearchServer(name).catch((error: Error) => error)
    describe(name, () => {
      if (installed instanceof Error) {
        test(`${name} can be had`, (context) => context.skip(installed.message))
        return
      }
      let server: SearchServer | undefined
      beforeAll(async () => {
        server = await startSearchServer(installed)
      }, 240_000)
      afterAll(async () => {
        await server?.stop()
      }, 60_000)
      declare(() => {
        if (!server) throw new Error(`${name} does not run`)
        return server
      })
    })
  }
}
