import { readFileSync } from 'node:fs'
import { withClient } from '@lethe/infra'
import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { type Chain } from '../harness/chain.js'
import { until, untilStep } from '../harness/wait.js'
import { customer, type Stage, statusOn, WHY } from './stage.js'

/** What an eraser that asked just before erasing was answered. */
const decisionsFor = (chain: Chain, requestId: string, systemId: string): Promise<string[]> =>
  withClient(chain.letheUrl, async (lethe) => {
    const { rows } = await lethe.query<{ decision: string }>(
      'SELECT decision FROM audit.clearances WHERE request_id = $1 AND system_id = $2',
      [requestId, systemId],
    )
    return rows.map(({ decision }) => decision)
  })

export function heldMidway(stage: () => Stage): void {
  it('holds an erasure that is under way, by keyboard: what came too late is said, and no word of why is kept', async ({
    onTestFailed,
  }) => {
    const { chain, client, browser, url, token, picture } = stage()
    // Everything after this needs it.
    onTestFailed(() => chain.exchange('eraser-shop-pg'))
    const officer = await visit(browser)
    await signIn(officer.page, `${url}/requests`, token('privacy-officer'))
    await chain.stopOne('eraser-shop-pg')
    const { requestId } = await client.request(customer(5))
    await untilStep(client, requestId, 'cache#1', ['COMPLETED'])
    await officer.page.locator(`tr[data-request="${requestId}"] a`).click()
    await officer.page.locator('tr[data-step="cache#1"]').getByText('completed').waitFor()
    const dialog = officer.page.getByRole('dialog')
    const button = officer.page.getByRole('button', { name: 'Hold …' })
    await button.focus()
    await officer.page.keyboard.press('Enter')
    await dialog.getByText('For this it comes too late').waitFor()
    expect(await seriousFindings(officer.page), 'the dialog').toEqual([])
    await officer.page.keyboard.press('Escape')
    expect(await officer.page.evaluate('document.activeElement.dataset.action')).toBe('hold')
    await officer.page.keyboard.press('Enter')
    // Before it is open there is a page behind it to walk.
    await dialog.waitFor()
    for (let n = 0; n < 6; n++) {
      await officer.page.keyboard.press('Tab')
      expect(
        await officer.page.evaluate(
          'document.activeElement === document.body || document.activeElement.closest("dialog") !== null',
        ),
      ).toBe(true)
    }
    await dialog.getByLabel('Reason').fill(WHY)
    await dialog.getByRole('button', { name: 'Hold', exact: true }).press('Enter')
    await dialog.getByText('Nothing more is erased after').waitFor()
    expect(Number(await dialog.locator('[data-gone]').getAttribute('data-gone'))).toBe(1)
    expect(await dialog.textContent()).toMatch(/cache#1\/initial: erased/)
    await picture('hold', officer.page)
    await officer.page.keyboard.press('Escape')
    await until(
      'the hold on the screen',
      () => statusOn(officer.page),
      (seen) => seen === 'ON_HOLD',
    )
    await chain.restart('eraser-shop-pg')
    await until(
      'the question of the eraser',
      () => decisionsFor(chain, requestId, 'shop-pg'),
      (decisions) => decisions.length > 0,
    )
    expect(await decisionsFor(chain, requestId, 'shop-pg')).not.toContain('go')
    const held = await client.get(requestId)
    expect(held.status).toBe('ON_HOLD')
    expect(held.steps.find(({ stepId }) => stepId === 'shop-pg#1')?.status).not.toBe('COMPLETED')

    await officer.page.getByRole('button', { name: 'Release …' }).click()
    const release = dialog.getByRole('button', { name: 'Release', exact: true })
    await release.click()
    // Not before it was said that this can't be taken back.
    expect(await client.get(requestId)).toMatchObject({ status: 'ON_HOLD' })
    await dialog.getByLabel('I want it').press('Space')
    await release.press('Enter')
    await until(
      'the completion on the screen',
      () => statusOn(officer.page),
      (seen) => seen === 'COMPLETED',
    )
    expect(officer.page.url()).toBe(`${url}/requests/${requestId}`)
    for (const name of ['ops', 'request'] as const)
      expect(readFileSync(chain.logFile(name), 'utf8')).not.toContain(WHY)
    expect(officer.faults).toEqual([])
    await officer.context.close()
  })
}
