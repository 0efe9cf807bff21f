import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { until } from '../harness/wait.js'
import { customer, type Stage } from './stage.js'

/** Requests of the two kinds that the tests before have left: done, and never begun. */
export function bulkReprobe(stage: () => Stage): void {
  it('has a probe look again at all of a list, by keyboard: who was never erased is refused, everybody else is looked at anew', async () => {
    const { client, browser, url, token } = stage()
    const waiting = await client.request(customer(40, { approval: 'required' }))
    const { items } = await client.list({ status: 'COMPLETED' })
    const done = items.map(({ requestId }) => requestId).slice(0, 3)
    expect(done).toHaveLength(3)
    const checkedAt = async (id: string) =>
      (await client.get(id)).systems.find(({ systemId }) => systemId === 'shop-pg')?.probe?.checkedAt ?? 0
    const before = await Promise.all(done.map(checkedAt))

    const operator = await visit(browser)
    const ids = [...done, waiting.requestId].join(',')
    await signIn(operator.page, `${url}/requests?requestId=${ids}`, token('operator'))
    await operator.page.locator(`tr[data-request="${waiting.requestId}"]`).waitFor()
    await operator.page.getByLabel('With all that fit').selectOption('reprobe')
    await operator.page.getByRole('button', { name: 'Show what it would do' }).press('Enter')
    const state = () => operator.page.locator('p.status').getAttribute('data-state')
    await until('what it would do', state, (seen) => seen === 'shown')
    await operator.page
      .locator('tr[data-hindrance="nothing_erased_yet"]')
      .getByText('will be refused: nothing was erased yet')
      .waitFor()
    expect(await Promise.all(done.map(checkedAt))).toEqual(before)
    expect(await seriousFindings(operator.page), 'a bulk look').toEqual([])
    await operator.page.getByLabel('System').fill('shop-pg')
    await operator.page.getByLabel('I want it for 3 requests').press('Space')
    await operator.page.getByRole('button', { name: 'Look again', exact: true }).press('Enter')
    await until('its end', state, (seen) => seen === 'done')
    await operator.page.locator('li[data-outcome="done"]').getByText('3 done').waitFor()
    await operator.page.locator('li[data-outcome="illegal_transition"]').getByText('1 refused').waitFor()
    await until(
      'the new looks',
      () => Promise.all(done.map(checkedAt)),
      (seen) => seen.every((at, index) => at > (before[index] as number)),
    )
    for (const id of done) expect((await client.get(id)).status).toBe('COMPLETED')
    expect(operator.faults).toEqual([])
    await operator.context.close()
    await client.command(waiting.requestId, 'cancel', {})
  })
}
