import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { takenForMarkup } from '../browser/hostile-answers.js'
import { HOSTILE } from '../browser/hostile-parts.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage } from './stage.js'

export function bulkRefusal(stage: () => Stage): void {
  it('acts on all of a list, by keyboard: shown first, one left out, and told what came of each', async () => {
    const { client, browser, url, token, earlier } = stage()
    const officer = await visit(browser)
    const made = await Promise.all(
      [20, 21, 22].map((n) => client.request(customer(n, { approval: 'required' }))),
    )
    const [kept, ...others] = made.map(({ requestId }) => requestId) as [string, string, string]
    for (const id of [kept, ...others]) await untilStatus(client, id, ['AWAITING_APPROVAL'])
    await signIn(officer.page, `${url}/requests?status=AWAITING_APPROVAL`, token('privacy-officer'))
    await officer.page.locator(`tr[data-request="${kept}"] input[type="checkbox"]`).press('Space')
    await officer.page.getByLabel('With all that fit, without 1').selectOption('refuse')
    await officer.page.getByRole('button', { name: 'Show what it would do' }).press('Enter')
    const state = () => officer.page.locator('p.status').getAttribute('data-state')
    await until('what it would do', state, (seen) => seen === 'shown')
    await officer.page.locator('tr[data-hindrance="none"]').getByText('will be asked for').waitFor()
    expect((await client.get(others[0])).status).toBe('AWAITING_APPROVAL')
    expect(await seriousFindings(officer.page), 'a bulk action').toEqual([])
    await officer.page.getByLabel('Legal ground').fill('Art. 12(6)')
    await officer.page.getByLabel('Citation').fill(HOSTILE)
    await officer.page.getByLabel('I want it for 2 requests').press('Space')
    await officer.page.getByRole('button', { name: 'Refuse', exact: true }).press('Enter')
    await until('its end', state, (seen) => seen === 'done')
    await officer.page.locator('li[data-outcome="done"]').getByText('2 done').waitFor()
    for (const id of others) expect((await client.get(id)).status).toBe('REFUSED')
    expect((await client.get(kept)).status).toBe('AWAITING_APPROVAL')
    expect(await takenForMarkup(officer.page)).toBe(0)
    earlier.bulkJob = new URL(officer.page.url()).pathname
    expect(officer.faults).toEqual([])
    await officer.context.close()
    await client.command(kept, 'cancel', {})
  })
}
