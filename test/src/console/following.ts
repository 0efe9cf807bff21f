import { expect, it } from 'vitest'
import { takenForMarkup } from '../browser/hostile-answers.js'
import { HOSTILE } from '../browser/hostile-parts.js'
import { until } from '../harness/wait.js'
import { customer, go, type Stage, statusOn, untilMark, untouched } from './stage.js'

/** An erasure that the tests after it look at, too. */
export function followed(stage: () => Stage): void {
  it('follows an erasure from the list to COMPLETED, by keyboard and without a reload', async () => {
    const { client, page, picture, earlier } = stage()
    const { requestId } = await client.request(customer(1))
    earlier.followed = requestId
    const link = page.locator(`tr[data-request="${requestId}"] a`)
    await link.focus()
    await page.keyboard.press('Enter')
    await until(
      'the completion on the screen',
      () => statusOn(page),
      (seen) => seen === 'COMPLETED',
    )
    const { steps } = await client.get(requestId)
    expect(await page.locator('tr[data-step]').count()).toBe(steps.length)
    const told = async (name: string) => page.locator(`td[data-mark="${name}"]`).allTextContents()
    for (const text of await told('requested')) expect(text).toMatch(/requested \d{4}-\d\d-\d\d .* UTC/)
    for (const text of await told('erased')) expect(text).toMatch(/(erased|not found) \d{4}/)
    for (const text of await told('backup-clear')) expect(text).toMatch(/held until \d{4}/)
    expect((await told('probed')).filter((text) => text.includes('clean'))).toHaveLength(2)
    const method = page.locator('tr[data-step="shop-pg#1"] td[data-method]')
    await method.getByText('redact 3').waitFor()
    expect(await method.textContent()).toBe('delete 5, redact 3')
    await page.locator('tr[data-attempt="shop-pg#1/initial 1"]').getByText('erased').waitFor()
    expect(await page.locator('tr[data-backups-of]').allTextContents()).toHaveLength(2)
    for (const text of await page.locator('tr[data-backups-of]').allTextContents())
      expect(text).toMatch(/clear on \d{4}/)
    await page.locator('li[data-event="RequestCompleted"]').waitFor()
    expect(await untouched(page)).toBe(true)
    await picture('request')
  })
}

/** What is shown while nothing can be told. */
export function serviceAway(stage: () => Stage): void {
  it('is stale while the service is away, and tells afterwards what happened meanwhile', async () => {
    const { chain, client, page, token } = stage()
    const { requestId } = await client.request(customer(3, { approval: 'required' }))
    await go(page, 'Requests')
    await page.locator(`tr[data-request="${requestId}"] a`).click()
    await until(
      'the wait for approval',
      () => statusOn(page),
      (seen) => seen === 'AWAITING_APPROVAL',
    )
    await chain.stopOne('ops')
    await untilMark(page, 'stale')
    await client.command(requestId, 'refuse', { ground: 'Art. 12(6)', citation: HOSTILE })
    await chain.restart('ops')
    // Its sessions were in its memory.
    await page.getByText('The session has ended').waitFor()
    await page.getByLabel('Token of a service credential').fill(token())
    await page.keyboard.press('Enter')
    await untilMark(page, 'live')
    await until(
      'the refusal on the screen',
      () => statusOn(page),
      (seen) => seen === 'REFUSED',
    )
    expect(await untouched(page)).toBe(true)
    // What somebody typed into a field of the request is a text, and so is everything that is made of it.
    await page.locator('li[data-event="RequestRefused"] summary').click()
    await page.locator('li[data-event="RequestRefused"] pre').getByText('hostile.png').waitFor()
    expect(await takenForMarkup(page)).toBe(0)
  })
}
