import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { type Stage } from './stage.js'

export function dataMap(stage: () => Stage): void {
  it('shows the data map as a graph, and what is found when probes hold it against the stores', async () => {
    const { chain, browser, url, page, token, picture } = stage()
    const operator = await visit(browser)
    await signIn(operator.page, `${url}/data-map`, token('operator'))
    for (const step of ['cache#1', 'shop-pg#1', 'cache#2'])
      await operator.page.locator(`[data-node="${step}"]`).waitFor()
    const users = operator.page.locator('tr[data-element="users"]')
    expect(await users.textContent()).toMatch(/shop-pg.*delete.*contract/)
    await operator.page.getByRole('link', { name: 'version 1' }).press('Enter')
    expect(operator.page.url()).toBe(`${url}/data-map?version=1`)
    await operator.page.locator('[data-version="1"]').getByText('in force').waitFor()
    await operator.page.getByRole('button', { name: 'Check the map' }).press('Enter')
    await operator.page.locator('[data-checked]').waitFor({ timeout: 60_000 })
    expect(await operator.page.locator('[data-checked]').textContent()).toMatch(/\d+ findings? in version 1/)
    expect(await seriousFindings(operator.page), 'the check').toEqual([])
    await picture('data-map', operator.page)
    await chain.stopOne('probe-cache')
    await operator.page.getByRole('button', { name: 'Check the map' }).press('Enter')
    await operator.page.getByText('nobody could look into cache').waitFor({ timeout: 60_000 })
    await operator.page.locator('tr[data-finding="probe_unreachable"]').waitFor()
    await chain.restart('probe-cache')
    expect(operator.faults).toEqual([])
    await operator.context.close()
    await page.goto(`${url}/data-map`)
    await page.getByText('The check is for operators').waitFor()
  })
}
