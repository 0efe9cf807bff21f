import { setTimeout as delay } from 'node:timers/promises'
import { LetheClient } from '@lethe/client'
import { withClient } from '../checker/stores.js'
import type { World } from '../world/world.js'

/** The next step of what failed is to try it again; an operator does that once, and it has to do. */
export async function retryFailed(world: World, report: (line: string) => void): Promise<void> {
  const { at, secrets } = world.context
  const failed = await withClient(at.lethePostgresUrl, async (client) => {
    const { rows } = await client.query(
      "SELECT request_id, failure->>'systemId' AS system_id, failure->>'code' AS code FROM read_model.requests WHERE status = 'FAILED'",
    )
    return rows as { request_id: string; system_id: string; code: string }[]
  })
  if (failed.length === 0) return
  const codes = [...new Set(failed.map(({ code }) => code))].join(', ')
  report(`  ${failed.length} FAILED (${codes}); tried again as their next step says`)
  const client = new LetheClient({ url: at.requestUrl, token: secrets.token('privacy-officer') })
  for (const { request_id, system_id } of failed)
    await client.command(request_id, 'retry', { systemId: system_id }).catch(() => undefined)
  await delay(1_000)
}
