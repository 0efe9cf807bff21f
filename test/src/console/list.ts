import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { until } from '../harness/wait.js'
import { customer, go, type Stage, untilMark } from './stage.js'

export function viewsAndFile(stage: () => Stage): void {
  it('keeps views in the address and by name, sorts, chooses columns, and gives the list as a file', async () => {
    const { url, page } = stage()
    await page.goto(`${url}/requests?view=on-hold`)
    await page.getByText('No request fits.').waitFor()
    await page.goto(`${url}/requests?tenantId=acme&columns=due,ground`)
    await page.getByRole('columnheader', { name: 'Ground' }).waitFor()
    expect(await page.getByRole('columnheader', { name: 'Regime' }).count()).toBe(0)
    await page.getByRole('link', { name: 'Due', exact: true }).click()
    const due = page.getByRole('columnheader', { name: 'Due' })
    await until(
      'the order',
      () => due.getAttribute('aria-sort'),
      (seen) => seen === 'ascending',
    )
    await page.getByLabel('Name of this view').fill('Due of acme')
    await page.keyboard.press('Enter')
    await go(page, 'Overview')
    await go(page, 'Requests')
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Due of acme' }).click()
    expect(page.url()).toBe(`${url}/requests?tenantId=acme&order=due&columns=due%2Cground`)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'as CSV' }).click(),
    ])
    const lines = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\r\n')
    expect(lines.length - 1).toBe(await page.locator('tr[data-request]').count())
    expect(lines.join()).not.toContain('example.com')
    await page.getByRole('button', { name: 'Forget the view Due of acme' }).click()
    expect(await page.evaluate('localStorage.length')).toBe(0)
  })
}

export function withoutStream(stage: () => Stage): void {
  it('asks again and again where no stream can be had', async () => {
    const { client, browser, url, token } = stage()
    const other = await visit(browser)
    await other.page.route('**/v1/stream', (route) => route.fulfill({ status: 503, json: {} }))
    await signIn(other.page, `${url}/requests?status=COMPLETED`, token())
    await untilMark(other.page, 'polling')
    const { requestId } = await client.request(customer(4))
    await other.page.locator(`tr[data-request="${requestId}"]`).waitFor({ timeout: 60_000 })
    await other.context.close()
  })
}

export function addressesNameNobody(stage: () => Stage): void {
  it('puts nothing into an address that could name a person', async () => {
    const { url, page } = stage()
    await go(page, 'Requests')
    await page.getByLabel('Tenant', { exact: true }).fill('ada@example.com')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByRole('alert').filter({ hasText: 'names a person' }).waitFor()
    expect(page.url()).toBe(`${url}/requests`)
    await page.getByLabel('Tenant', { exact: true }).fill('acme')
    await page.getByLabel('refused').check()
    await page.getByRole('button', { name: 'Show' }).click()
    await until(
      'the refused ones alone',
      () => page.locator('tr[data-request]').count(),
      (n) => n === 3,
    )
    const shared = page.url()
    expect(shared).toBe(`${url}/requests?tenantId=acme&status=REFUSED&order=received`)
    await page.goto(shared)
    await until(
      'the same list',
      () => page.locator('tr[data-request]').count(),
      (n) => n === 3,
    )
    expect(await page.getByLabel('refused').isChecked()).toBe(true)
  })
}
