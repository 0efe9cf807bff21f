import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { customer, type Stage, statusOn, untilMark } from './stage.js'

/** Seconds a session lasts here, whatever is done with it. */
const SESSION_S = 45

/** What the service ends or refuses by itself. */
export function limits(stage: () => Stage): void {
  it('tells plainly that a session has really run out, and is where it was after signing in again', async () => {
    const { chain, client, browser, url, token, picture } = stage()
    const { requestId } = await client.request(customer(72, { approval: 'required' }))
    await chain.exchange('ops', undefined, { LETHE_SESSION_HOURS: String(SESSION_S / 3_600) })
    const { context, page, faults } = await visit(browser)
    const address = `${url}/requests/${requestId}`
    await signIn(page, address, token('privacy-officer'))
    await untilMark(page, 'live')
    const [cookie] = await context.cookies()
    const tab = await context.newPage()
    await tab.goto(`${url}/requests?status=AWAITING_APPROVAL`)
    await tab.locator(`tr[data-request="${requestId}"]`).waitFor()
    // Nobody touches either tab, and nothing is made up: the service lets the session run out.
    for (const one of [page, tab])
      await one.getByText('it has lasted as long as one may').waitFor({ timeout: 2_000 * SESSION_S })
    expect(await page.locator('p.status').count()).toBe(0)
    expect(page.url()).toBe(address)
    expect(await seriousFindings(page), 'the end of a session').toEqual([])
    expect(await overflow(page), 'the end of a session').toBe(0)
    await picture('session-ended', page)
    const late = await fetch(`${url}/v1/requests/${requestId}`, {
      headers: { cookie: `${cookie?.name}=${cookie?.value}` },
    })
    expect(late.status).toBe(401)
    // Whoever loads the page anew is told too.
    await tab.reload()
    await tab.getByText('it has lasted as long as one may').waitFor()

    await page.getByLabel('Token of a service credential').fill(token('privacy-officer'))
    await page.keyboard.press('Enter')
    await page.locator('p.status').waitFor()
    expect(await statusOn(page)).toBe('AWAITING_APPROVAL')
    expect(page.url()).toBe(address)
    // The other tab is in as well, and where it was.
    await tab.locator(`tr[data-request="${requestId}"]`).waitFor()
    expect(faults).toEqual([])
    await context.close()
  })

  it('tells plainly that somebody asks about too many people, and when they may ask again', async () => {
    const { chain, browser, url, token } = stage()
    await chain.exchange('ops', undefined, { LETHE_PEOPLE_PER_MIN: '2' })
    const { context, page, faults } = await visit(browser)
    await signIn(page, `${url}/where`, token('privacy-officer'))
    await page.getByLabel('Tenant of the person').fill('acme')
    for (const n of [73, 74]) {
      await page.getByLabel('Its value').fill(`customer${n}@example.com`)
      await page.keyboard.press('Enter')
      await page.getByRole('status').filter({ hasText: 'hold this person' }).waitFor()
    }
    await page.getByLabel('Its value').fill('customer75@example.com')
    await page.keyboard.press('Enter')
    await page
      .getByRole('alert')
      .filter({ hasText: /No more than 2 people a minute may be asked about\. Try again in \d+ s\./ })
      .waitFor()
    expect(await page.locator('[data-source]').count()).toBe(0)
    expect(await seriousFindings(page), 'asked too often').toEqual([])
    expect(faults).toEqual([])
    await context.close()
    await chain.exchange('ops')
  })
}
