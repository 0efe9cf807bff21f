import { withClient } from '@lethe/infra'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage, statusOn } from './stage.js'

/** Refers to a customer, and the data map does not know of it: the customer's row can't go. */
const DISPUTES = `
  CREATE TABLE disputes (id integer PRIMARY KEY, customer text NOT NULL REFERENCES users (id));
  INSERT INTO disputes SELECT 1, id FROM users WHERE tenant_id = 'acme' AND email = 'customer37@example.com';
  GRANT SELECT ON disputes TO shop_probe, shop_eraser`

export function retried(stage: () => Stage): void {
  it('shows why a system failed and what to do, and has it retried by keyboard; the timeline pauses and is filtered meanwhile', async () => {
    const { chain, client, browser, url, token } = stage()
    const shop = (text: string) => withClient(chain.pgUrl, (client) => client.query(text))
    await shop(DISPUTES)
    const { requestId } = await client.request(customer(37))
    await untilStatus(client, requestId, ['FAILED'])
    const operator = await visit(browser)
    const { page } = operator
    await signIn(page, `${url}/requests/${requestId}`, token('operator'))
    expect(await statusOn(page)).toBe('FAILED')
    await page.locator('.notice.warn').getByText('outside the data map').waitFor()
    await page.locator('tr[data-step="shop-pg#1"]').getByText('referenced_elsewhere').waitFor()
    await page.locator('tr[data-attempt="shop-pg#1/initial 1"]').getByText('failed').waitFor()
    expect(await seriousFindings(page), 'a failed request').toEqual([])
    expect(await overflow(page), 'a failed request').toBe(0)

    const events = page.locator('ol.timeline > li')
    const all = await events.count()
    await page.getByLabel('Events').selectOption('PassAcknowledged')
    await until(
      'the filtered events',
      () => events.count(),
      (n) => n > 0 && n < all,
    )
    expect(new URL(page.url()).search).toBe('?type=PassAcknowledged')
    await page.reload()
    expect(await page.getByLabel('Events').inputValue()).toBe('PassAcknowledged')
    await page.getByLabel('Events').selectOption('')
    await until(
      'all events',
      () => events.count(),
      (n) => n >= all,
    )
    await page.getByRole('button', { name: 'Pause' }).press('Enter')

    await shop('DROP TABLE disputes')
    await page.getByRole('button', { name: 'Retry a system …' }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('System').selectOption('shop-pg')
    expect(await seriousFindings(page), 'the dialog').toEqual([])
    await dialog.getByRole('button', { name: 'Retry a system', exact: true }).press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await until(
      'the completion on the screen',
      () => statusOn(page),
      (seen) => seen === 'COMPLETED',
    )
    // Nothing new moved what somebody was reading; how much there is, is told.
    expect(await events.count()).toBe(all)
    await page.getByText(/paused, [1-9]\d* newer events/).waitFor()
    await page.getByRole('button', { name: 'Go on' }).press('Enter')
    await page.locator('li[data-event="RequestCompleted"]').waitFor()
    expect(await events.count()).toBeGreaterThan(all)
    expect(operator.faults).toEqual([])
    await operator.context.close()
  })
}
