import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { customer, type Stage } from './stage.js'

export function personFound(stage: () => Stage): void {
  it('finds a person’s requests and the sources that hold them, and neither an address nor a log tells whom', async () => {
    const { chain, client, browser, url, page, token, picture } = stage()
    const person = customer(9)
    const { requestId } = await client.request(customer(9, { approval: 'required' }))
    const email = person.identifiers[0]?.value ?? ''
    const officer = await visit(browser)
    const asked: string[] = []
    officer.page.on('request', (request) => asked.push(request.url()))
    await signIn(officer.page, `${url}/requests`, token('privacy-officer'))
    const button = officer.page.getByRole('button', { name: 'Find a person’s requests …' })
    await button.press('Enter')
    const dialog = officer.page.getByRole('dialog')
    await dialog.getByLabel('Tenant of the person').fill('acme')
    await dialog.getByLabel('Its value').fill('nobody-at-all@example.com')
    expect(await seriousFindings(officer.page), 'the dialog').toEqual([])
    await officer.page.keyboard.press('Enter')
    await dialog.getByText('No request was made for this person').waitFor()
    await dialog.getByLabel('Its value').fill(` ${email.toUpperCase()} `)
    await officer.page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await officer.page.locator(`tr[data-request="${requestId}"]`).waitFor()
    expect(await officer.page.locator('tr[data-request]').count()).toBe(1)
    expect(officer.page.url()).toContain(`requestId=${requestId}`)

    await officer.page
      .getByRole('navigation', { name: 'Pages', exact: true })
      .getByRole('link', { name: 'Where' })
      .press('Enter')
    await officer.page.getByLabel('Tenant of the person').fill('acme')
    await officer.page.getByLabel('Its value').fill(email)
    await officer.page.keyboard.press('Enter')
    const row = (systemId: string) => officer.page.locator(`tr[data-source="${systemId}"]`)
    await row('shop-pg').getByText(email).waitFor()
    await row('shop-pg')
      .getByText(/users: 1/)
      .waitFor()
    await row('cache').getByText('user_id', { exact: true }).waitFor()
    expect(await row('cache').textContent()).not.toContain(email)
    expect(await seriousFindings(officer.page), 'where').toEqual([])
    expect(await overflow(officer.page), 'where').toBe(0)
    await picture('where', officer.page)

    await chain.stopOne('probe-cache')
    await officer.page.getByRole('button', { name: 'Look' }).press('Enter')
    await officer.page.getByText('nobody could look into cache').waitFor({ timeout: 30_000 })
    await chain.restart('probe-cache')
    // Away and back: nothing of the person is still there.
    await officer.page.getByRole('link', { name: 'Overview' }).click()
    await officer.page.goBack()
    expect(await officer.page.getByLabel('Its value').inputValue()).toBe('')
    expect(await officer.page.locator('[data-source]').count()).toBe(0)
    expect(asked.filter((address) => /customer9|nobody-at-all|%40/i.test(address))).toEqual([])
    for (const name of ['ops', 'request', 'probe-shop-pg'] as const)
      expect(readFileSync(chain.logFile(name), 'utf8').toLowerCase(), name).not.toContain(email.toLowerCase())
    expect(officer.faults).toEqual([])
    await officer.context.close()
    await page.goto(`${url}/where`)
    await page.getByText('for privacy officers and administrators').waitFor()
  })
}
