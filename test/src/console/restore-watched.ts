import { withClient } from '@lethe/infra'
import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { backUpShop, restoreShop } from '../demo/restore.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, go, type Stage, untouched } from './stage.js'

export function restoreWatched(stage: () => Stage): void {
  it('watches a restore until the gate opens: why it is shut, who may decide, and what came of it', async (context) => {
    const { chain, client, page, token, picture } = stage()
    // Only the owner of a database can shut its gate.
    await withClient(chain.pgUrl, (shop) =>
      shop.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO shop_restore', current_database()); END $$`,
      ),
    )
    const backup = await backUpShop(chain.context)
    if (backup === null) return context.skip('There is no pg_dump here.')
    const restoreService = async (path: string, credential = 'operator') => {
      const response = await fetch(`http://127.0.0.1:${chain.context.at.ports.restore}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token(credential)}`, 'content-type': 'application/json' },
        body: '{}',
      })
      expect(response.status, await response.text()).toBe(200)
    }
    const { requestId } = await client.request(customer(8))
    await untilStatus(client, requestId, ['COMPLETED'])
    // Somebody's data has to be kept since: the copy that holds it may not open by itself.
    await client.command(requestId, 'hold', {})
    await go(page, 'Restores')
    const gate = page.locator('tr[data-gate="shop-pg"]')
    const standing = (of: string) =>
      until(
        `the gate ${of}`,
        () => gate.getAttribute('data-standing'),
        (seen) => seen === of,
      )
    await standing('open')
    await page.evaluate('window.sameDocument = true')
    await restoreShop(backup, chain.context)
    backup.drop()
    await standing('shut')
    const waiting = page.locator('li[data-phase="waiting"]')
    await waiting.locator('[data-reason="held"]').waitFor({ timeout: 60_000 })
    expect(await waiting.textContent()).toMatch(/Release their holds/)
    expect(await seriousFindings(page), 'a gate that is shut').toEqual([])
    await picture('restores')
    await client.command(requestId, 'release', {})
    const restoreId = await waiting.getAttribute('data-restore')
    await restoreService(`/v1/restores/${restoreId}/retry`)
    await standing('open')
    const past = page.locator(`tr[data-restore="${restoreId}"]`)
    await past.getByText('opened').waitFor()
    await past.getByText('replay', { exact: true }).waitFor()
    // The two lists are asked for one by one: this one may come a moment later.
    await waiting.waitFor({ state: 'detached' })
    expect(await untouched(page)).toBe(true)
  })
}
