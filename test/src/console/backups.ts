import { RestoreClient } from '@lethe/client'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, factOn, go, type Stage, untouched } from './stage.js'

const DAY = 86_400_000

/** What a backup tool tells of its backups, and what becomes of that. */
export function backups(stage: () => Stage): void {
  it('shows a backup that is kept longer than its policy in red, and puts off the backup-clear of whoever may be in it', async () => {
    const { chain, client, page, token, picture } = stage()
    const restores = new RestoreClient({
      url: `http://127.0.0.1:${chain.context.at.ports.restore}`,
      token: token('operator'),
    })
    const { requestId } = await client.request(customer(36))
    await untilStatus(client, requestId, ['COMPLETED'])
    await go(page, 'Requests')
    await page.locator(`tr[data-request="${requestId}"] a`).click()
    const clearAt = () => factOn(page, 'Gone from backups')
    const planned = await until('the date of the plan', clearAt, (at) => at !== null)
    await page.evaluate('window.sameDocument = true')

    const takenAt = Date.now() - DAY
    const keptUntil = (planned ?? 0) + 100 * DAY
    const told = { systemId: 'shop-pg', takenAt, policy: 'weekly' }
    await restores.reportBackup({ ...told, backupId: 'weekly-in-time' })
    await restores.reportBackup({ ...told, backupId: 'weekly-kept', keptUntil })
    await restores.reportBackup({ ...told, backupId: 'yearly-unknown', policy: 'yearly' })
    await until('the later date on the screen', clearAt, (at) => (at ?? 0) >= keptUntil)
    const keptAway = page.locator('tr[data-backups-of="shop-pg"] time').nth(1)
    await until(
      'the tombstone that is kept as long',
      async () => Date.parse((await keptAway.getAttribute('datetime')) ?? ''),
      (at) => at >= keptUntil,
    )
    expect(await untouched(page)).toBe(true)
    expect((await client.get(requestId)).status).toBe('COMPLETED')

    await go(page, 'Restores')
    const backup = (id: string) => page.locator(`tr[data-backup="${id}"]`)
    await backup('weekly-kept').locator('.badge.bad').getByText('kept longer').waitFor()
    await backup('yearly-unknown').locator('.badge.bad').getByText('unknown policy').waitFor()
    await backup('weekly-in-time').locator('.badge.good').getByText('as the data map says').waitFor()
    const momentOf = async (nth: number) =>
      Date.parse((await backup('weekly-kept').locator('time').nth(nth).getAttribute('datetime')) ?? '')
    const [kept, due] = [await momentOf(1), await momentOf(2)]
    expect([kept, due]).toEqual([keptUntil, takenAt + 90 * DAY])
    expect(await seriousFindings(page), 'the catalogue').toEqual([])
    expect(await overflow(page), 'the catalogue').toBe(0)
    await picture('backups')

    // One that is gone can't come back. What was put off stays so.
    await restores.reportBackup({ ...told, backupId: 'yearly-unknown', policy: 'yearly', gone: true })
    await backup('yearly-unknown').waitFor({ state: 'detached', timeout: 30_000 })
  })
}
