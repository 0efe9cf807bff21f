import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, go, type Stage } from './stage.js'

/** What the console promises, from the crash of an eraser on. */
const RED_WITHIN_MS = 30_000

const verdictIn = (of: Page, group: string) =>
  of.locator(`tr[data-group="${group}"]`).getAttribute('data-verdict')

/** A page that goes on showing what it was told when this was called, as a cache that never forgets would. */
async function neverToldAgain(of: Page): Promise<void> {
  const answer = await of.waitForResponse(/\/v1\/erasers/)
  const json: unknown = await answer.json()
  await of.route('**/v1/erasers*', (route) => route.fulfill({ json }))
}

export function eraserStopped(stage: () => Stage): void {
  it('shows an eraser that was killed red within 30 s, with its lag and whom that endangers, until it is back', async () => {
    const { chain, client, browser, page, url, token, picture } = stage()
    await go(page, 'Overview')
    await page.getByText('Nothing is stuck.').waitFor({ timeout: 60_000 })
    const [beside, blind] = [await visit(browser), await visit(browser)]
    for (const one of [beside, blind]) {
      await signIn(one.page, `${url}/erasers`, token())
      // One that never spoke is missing, not silent.
      await one.page.locator('tr[data-group="eraser.cache"]').getByText('usable').waitFor({ timeout: 60_000 })
      expect(await verdictIn(one.page, 'eraser.cache')).toBe('up')
    }
    await neverToldAgain(blind.page)

    const crashedAt = Date.now()
    const left = () => Math.max(1, crashedAt + RED_WITHIN_MS - Date.now())
    await chain.crash('eraser-cache')
    const { requestId } = await client.request(customer(2))
    const trouble = page.locator('[data-trouble="group eraser.cache"]')
    await Promise.all([
      beside.page
        .locator('tr[data-group="eraser.cache"][data-verdict="silent"] .badge.bad')
        .getByText('silent')
        .waitFor({ timeout: left() }),
      trouble
        .filter({ hasText: /eraser\.cache is silent[\s\S]*1 message waiting/ })
        .getByText('endangers 1 request')
        .waitFor({ timeout: left() }),
    ])
    expect(await verdictIn(blind.page, 'eraser.cache')).toBe('up')
    await picture('overview')
    await picture('erasers', beside.page)
    await beside.page
      .locator('tr[data-group="eraser.shop-pg"]')
      .getByText('usable')
      .waitFor({ timeout: 60_000 })
    expect(await verdictIn(beside.page, 'eraser.shop-pg')).toBe('up')

    await trouble.getByRole('link', { name: '1 request' }).click()
    await page.locator(`tr[data-request="${requestId}"]`).getByText('stands still').waitFor()
    expect(page.url()).toBe(`${url}/at-risk?place=eraser.cache`)
    await go(page, 'Lag')
    const lag = page.locator('tr[data-group="eraser.cache"] td[data-lag]')
    await until(
      'the lag',
      () => lag.getAttribute('data-lag'),
      (seen) => Number(seen) > 0,
    )
    await picture('lag')
    await chain.restart('eraser-cache')
    await until(
      'the end of the lag',
      () => lag.getAttribute('data-lag'),
      (seen) => seen === '0',
    )
    await until(
      'the eraser that is back',
      () => verdictIn(beside.page, 'eraser.cache'),
      (seen) => seen === 'up',
    )
    await untilStatus(client, requestId, ['COMPLETED'])
    await go(page, 'Overview')
    await page.getByText('Nothing is stuck.').waitFor({ timeout: 60_000 })
    // Nothing was loaded anew.
    expect(await page.evaluate('window.sameDocument === true')).toBe(true)
    for (const one of [beside, blind]) {
      expect(one.faults).toEqual([])
      await one.context.close()
    }
  })
}
