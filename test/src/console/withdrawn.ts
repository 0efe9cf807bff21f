import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { takenForMarkup } from '../browser/hostile-answers.js'
import { HOSTILE } from '../browser/hostile-parts.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage, statusOn, WHY } from './stage.js'

/** Actions after which nothing is erased. */
export function withdrawn(stage: () => Stage): void {
  it('refuses one request with its ground, and cancels another, each by who may and only when it is wished', async () => {
    const { chain, client, browser, url, token } = stage()
    const [first, second] = await Promise.all(
      [38, 39].map((n) => client.request(customer(n, { approval: 'required' }))),
    )
    for (const one of [first, second]) await untilStatus(client, one?.requestId ?? '', ['AWAITING_APPROVAL'])
    for (const [credential, requestId, button, ending] of [
      ['privacy-officer', first?.requestId ?? '', 'Refuse', 'REFUSED'],
      ['operator', second?.requestId ?? '', 'Cancel', 'CANCELLED'],
    ] as const) {
      const staff = await visit(browser)
      const { page } = staff
      await signIn(page, `${url}/requests/${requestId}`, token(credential))
      await page.getByRole('button', { name: `${button} …` }).press('Enter')
      const dialog = page.getByRole('dialog')
      if (button === 'Refuse') {
        await dialog.getByLabel('Legal ground').fill('17(3)(b)')
        await dialog.getByLabel('Citation').fill(`${WHY} ${HOSTILE}`)
      }
      expect(await seriousFindings(page), button).toEqual([])
      const send = dialog.getByRole('button', { name: button, exact: true })
      await send.press('Enter')
      // Not before it was said that this can't be taken back.
      expect((await client.get(requestId)).status).toBe('AWAITING_APPROVAL')
      await dialog.getByLabel('I want it').press('Space')
      await send.press('Enter')
      await until(
        'the end on the screen',
        () => statusOn(page),
        (seen) => seen === ending,
      )
      // What is over can't be done to it any more.
      await page.locator('[data-action="cancel"]').waitFor({ state: 'detached' })
      expect(await page.locator('[data-action]').count()).toBe(0)
      expect(await takenForMarkup(page)).toBe(0)
      expect(staff.faults).toEqual([])
      await staff.context.close()
    }
    for (const name of ['ops', 'request', 'aggregator'] as const)
      expect(readFileSync(chain.logFile(name), 'utf8'), name).not.toContain(WHY)
  })
}
