import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, factOn, go, type Stage, untouched, WHY } from './stage.js'

const DAY = 86_400_000
const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)

/** Ticks the wish and sends it off, by keyboard. */
async function extend(of: Page, newDueAt: string): Promise<void> {
  const dialog = of.getByRole('dialog')
  await dialog.getByLabel('New deadline').fill(newDueAt)
  const wish = dialog.getByLabel('I want it')
  if (!(await wish.isChecked())) await wish.press('Space')
  await dialog.getByRole('button', { name: 'Extend', exact: true }).press('Enter')
}

export function extended(stage: () => Stage): void {
  it('extends a deadline once, by keyboard: everybody who looks sees the new date, the law’s limit is told, and no word of why is kept', async () => {
    const { chain, client, browser, page, url, token, picture } = stage()
    const { requestId } = await client.request(customer(35, { approval: 'required' }))
    const before = await untilStatus(client, requestId, ['AWAITING_APPROVAL'])
    const dueAt = before.dueAt as number
    await go(page, 'Requests')
    await page.locator(`tr[data-request="${requestId}"] a`).click()
    const officer = await visit(browser)
    await signIn(officer.page, `${url}/requests/${requestId}`, token('privacy-officer'))
    for (const one of [page, officer.page])
      await until(
        'the date on the screen',
        () => factOn(one, 'Due'),
        (at) => at === dueAt,
      )
    await page.evaluate('window.sameDocument = true')

    await officer.page.getByRole('button', { name: 'Extend …' }).press('Enter')
    const dialog = officer.page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill(WHY)
    expect(await seriousFindings(officer.page), 'the dialog').toEqual([])
    expect(await overflow(officer.page), 'the dialog').toBe(0)
    await extend(officer.page, dateOf(dueAt + 150 * DAY))
    await dialog.getByRole('alert').filter({ hasText: 'must lie after the old one and not after' }).waitFor()
    expect((await client.get(requestId)).dueAt).toBe(dueAt)
    await picture('extend', officer.page)

    const wanted = dateOf(dueAt + 20 * DAY)
    await extend(officer.page, wanted)
    await dialog.waitFor({ state: 'detached' })
    for (const one of [page, officer.page])
      await until(
        'the new date on the screen',
        () => factOn(one, 'Due'),
        (at) => at === Date.parse(wanted),
      )
    expect(await untouched(page)).toBe(true)
    expect(await client.get(requestId)).toMatchObject({
      status: 'AWAITING_APPROVAL',
      dueAt: Date.parse(wanted),
    })
    // Once: nobody is offered it a second time, and the list has the new date, too.
    await officer.page.getByRole('button', { name: 'Extend …' }).waitFor({ state: 'detached' })
    const told = officer.page.locator('li[data-event="RequestExtended"]')
    await told.locator('summary').press('Enter')
    await told.locator('pre').waitFor()
    expect(await officer.page.content()).not.toContain(WHY)
    await go(page, 'Requests')
    await page.locator(`tr[data-request="${requestId}"]`).getByText(wanted).waitFor()
    for (const name of ['ops', 'request', 'aggregator'] as const)
      expect(readFileSync(chain.logFile(name), 'utf8'), name).not.toContain(WHY)
    expect(officer.faults).toEqual([])
    await officer.context.close()
    await client.command(requestId, 'cancel', {})
  })
}
