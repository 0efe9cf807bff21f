import { randomUUID } from 'node:crypto'
import { RestoreClient } from '@lethe/client'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { until } from '../harness/wait.js'
import { go, type Stage, untouched } from './stage.js'

/** How often a drill must be passed, as ops is told on this chain. */
export const DRILL_EVERY_MS = 7 * 86_400_000

export function drilled(stage: () => Stage): void {
  it('watches a restore drill from step to step, then shows what it proved, and when the next one is due', async (context) => {
    const { chain, page, token, picture, earlier } = stage()
    if (chain.context.tools.postgresBin === '') return context.skip('There is no pg_dump here.')
    const restores = new RestoreClient({
      url: `http://127.0.0.1:${chain.context.at.ports.restore}`,
      token: token('operator'),
    })
    await go(page, 'Restores')
    await page.evaluate('window.sameDocument = true')
    const due = page.locator('tr[data-drill-due="shop-pg"]')
    await due.locator('.badge.bad').getByText('overdue').waitFor()

    // Without an eraser it can't get to its end: so that it is seen on its way, however fast it is.
    await chain.stopOne('eraser-shop-pg')
    const drillId = randomUUID()
    await restores.startDrill('shop-pg', drillId)
    const row = page.locator(`tr[data-drill="${drillId}"]`)
    await row.locator('td[data-phase="erasing"]').waitFor({ timeout: 60_000 })
    await row.locator('.badge.busy').getByText('under way').waitFor()
    expect(await row.locator('td[data-evidence]').textContent()).toBe('none yet')
    expect(await due.getAttribute('data-overdue')).toBe('true')
    await chain.restart('eraser-shop-pg')
    await until(
      'the end of the drill on the screen',
      () => row.getAttribute('data-verdict'),
      (verdict) => verdict !== 'under way',
      120_000,
    )
    const { evidence, ...drill } = await restores.drill(drillId)
    expect(await row.getAttribute('data-verdict'), JSON.stringify(drill)).toBe('passed')

    const told = row.locator('td[data-evidence]')
    const summary = told.locator('summary')
    expect(evidence?.canary.cameBack).toBeGreaterThan(0)
    expect(await summary.textContent()).toContain(
      `came back with ${evidence?.canary.cameBack} record${evidence?.canary.cameBack === 1 ? '' : 's'}; after the replay 0 were left`,
    )
    await summary.press('Enter')
    await told.getByText(evidence?.backup?.sha256 ?? 'no hash').waitFor()
    await told.getByText('The record is as it was written.').waitFor()
    await told.getByRole('link', { name: evidence?.requestId ?? 'no request' }).waitFor()
    expect(await told.textContent()).toMatch(/backing up .*erasing .*replaying /)
    // Nobody who was made up is named, nor anybody else.
    expect(await page.content()).not.toMatch(/@|lethe-drill-/)
    await due.locator('.badge.good').getByText('passed in time').waitFor()
    const dueAt = await due.locator('time').last().getAttribute('datetime')
    expect(Date.parse(dueAt ?? '')).toBe((drill.finishedAt ?? 0) + DRILL_EVERY_MS)
    expect(await untouched(page)).toBe(true)
    expect(await seriousFindings(page), 'the evidence').toEqual([])
    expect(await overflow(page), 'the evidence').toBe(0)
    await row.scrollIntoViewIfNeeded()
    await picture('drills')
    earlier.drilled = 'The made-up person came back'
  })
}
