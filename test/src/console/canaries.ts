import { withClient } from '@lethe/infra'
import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { withRedis } from '../harness/stores.js'
import { untilStatus } from '../harness/wait.js'
import { keysOf } from '../shop/seed.js'
import { customer, go, type Stage } from './stage.js'

/** Real erasures of people who stand for those of drills; only the drills' own rows are written here. */
export function canaries(stage: () => Stage): void {
  it('shows for each eraser whether it erased the made-up person of the last drill, and one that did not in red', async () => {
    const { chain, client, browser, url, token, picture } = stage()
    const erased = await client.request(customer(31))
    await untilStatus(client, erased.requestId, ['COMPLETED'])
    // What an eraser that looks in the wrong place would say: somebody was there, and it found nobody.
    await withRedis(chain.redisUrl, (redis) => redis.del(keysOf('acme', 'u32')))
    const overlooked = await client.request(customer(32))
    await untilStatus(client, overlooked.requestId, ['COMPLETED'])
    const drilled = (systemId: string, requestId: string) =>
      withClient(chain.letheUrl, (lethe) =>
        lethe.query(
          `INSERT INTO restore.drills (drill_id, system_id, started_at, finished_at, phase, verdict, canary, evidence)
           VALUES ($1, $1, 1, 2, 'ended', 'passed', $2, '{"durations":{"backing_up":1}}')`,
          [systemId, JSON.stringify({ tenantId: 'acme', identifiers: [], requestId })],
        ),
      )
    const seen = await visit(browser)
    await signIn(seen.page, `${url}/erasers`, token())
    const row = (group: string) => seen.page.locator(`tr[data-group="${group}"]`)
    await row('eraser.cache').getByText('no restore drill has had it erase a made-up person').waitFor()
    await drilled('shop-pg', erased.requestId)
    await drilled('cache', overlooked.requestId)
    await row('eraser.shop-pg').locator('td[data-canary="passed"] .badge.good').getByText('erased').waitFor()
    await row('eraser.cache').locator('td[data-canary="failed"] .badge.bad').getByText('not erased').waitFor()
    expect(await row('eraser.cache').getAttribute('data-verdict')).toBe('failing')
    expect(await row('eraser.shop-pg').getAttribute('data-verdict')).toBe('up')
    await row('probe.cache').getByText('a made-up person shows nothing of a probe').waitFor()
    await picture('erasers', seen.page)
    await go(seen.page, 'Overview')
    await seen.page.locator('[data-trouble="failing eraser.cache"]').getByText('is not erased').waitFor()
    expect(seen.faults).toEqual([])
    await seen.context.close()
  })
}
