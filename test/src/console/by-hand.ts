import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { takenForMarkup } from '../browser/hostile-answers.js'
import { HOSTILE } from '../browser/hostile-parts.js'
import { until } from '../harness/wait.js'
import { customer, type Stage, statusOn, WHY } from './stage.js'

/** A store that only a person can erase from, for the end of the shop's data map. */
const ARCHIVE = `
  archive:
    kind: manual
    instructions: Take the folder out of cabinet 4, shred it, and file the protocol.
    role: operator
    within: P14D
    identifiers: [user_id, email]
    backups: [{ name: microfilm, keep: P60D }]
`
export function byHand(stage: () => Stage): void {
  it('has a person do by hand what no eraser can, by keyboard, and never calls that verified', async () => {
    const { chain, client, browser, url, token, picture } = stage()
    const { LETHE_DATA_MAP: file = '' } = chain.environment('request')
    const withArchive = chain.context.state.file('with-archive.yaml')
    writeFileSync(withArchive, readFileSync(file, 'utf8').replace(/^version: 1$/m, 'version: 2') + ARCHIVE)
    await chain.exchange('request', undefined, { LETHE_DATA_MAP: withArchive })
    const { requestId } = await client.request(customer(60))
    const operator = await visit(browser)
    await signIn(operator.page, `${url}/`, token('operator'))
    // The number leads to the list behind it.
    await operator.page.getByRole('link', { name: /^1.*with a task for a person/ }).click()
    await operator.page.locator(`tr[data-request="${requestId}"] a`).first().click()
    const row = operator.page.locator('tr[data-task="archive"]')
    await row.getByText('waits for somebody to take it').waitFor()
    await row.getByText('cabinet 4').waitFor()
    for (const [scheme, width] of [
      ['light', 360],
      ['dark', 1920],
    ] as const) {
      const seen = await visit(browser, scheme, width)
      await signIn(seen.page, `${url}/requests/${requestId}`, token('operator'))
      await seen.page.locator('tr[data-task="archive"]').getByText('cabinet 4').waitFor()
      expect(await seriousFindings(seen.page), `a task, ${scheme} at ${width} px`).toEqual([])
      expect(await overflow(seen.page), `a task, ${scheme} at ${width} px`).toBe(0)
      await seen.context.close()
    }
    const dialog = operator.page.getByRole('dialog')
    await row.getByRole('button', { name: 'Take task …' }).press('Enter')
    expect(await seriousFindings(operator.page), 'taking a task').toEqual([])
    await dialog.getByRole('button', { name: 'Take task', exact: true }).press('Enter')
    await dialog.locator('[data-whom]').getByText('customer60@example.com').waitFor()
    expect(await seriousFindings(operator.page), 'whom it is about').toEqual([])
    await picture('task', operator.page)
    expect(await overflow(operator.page), 'whom it is about').toBe(0)
    await operator.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await operator.page.content()).not.toContain('customer60@example.com')

    // The others are erased and probed meanwhile; a hold comes before the person is back from the archive.
    await until(
      'the probes of the others',
      () => client.get(requestId),
      ({ systems }) => systems.filter(({ verified }) => verified).length === 2,
    )
    await client.command(requestId, 'hold', {})
    await until(
      'the hold on the screen',
      () => statusOn(operator.page),
      (seen) => seen === 'ON_HOLD',
    )
    await row.getByText('must not be done now').waitFor()
    await row.getByRole('button', { name: 'Mark done …' }).press('Enter')
    await dialog.getByText('recorded all the same').waitFor()
    await dialog.getByLabel('How many records').fill('2')
    await dialog.getByLabel('Evidence').fill(`protocol ${WHY}`)
    await dialog.getByLabel('Note').fill(HOSTILE)
    await dialog.getByLabel('I did it').press('Space')
    expect(await seriousFindings(operator.page), 'marking a task done').toEqual([])
    await dialog.getByRole('button', { name: 'Mark done', exact: true }).press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await row.getByText('while a hold was in force').waitFor()
    await client.command(requestId, 'release', {})
    await until(
      'the completion on the screen',
      () => statusOn(operator.page),
      (seen) => seen === 'COMPLETED',
    )
    await row.getByText('attested, not probed').waitFor()
    expect(
      await operator.page.locator('tr[data-step="archive#1"] td[data-mark="probed"]').textContent(),
    ).toContain('nobody can look')
    const view = await client.get(requestId)
    expect(view.attested).toEqual(['archive'])
    expect(view.systems.find(({ systemId }) => systemId === 'archive')).toMatchObject({
      status: 'ATTESTED',
      verified: false,
      probe: null,
    })
    // Nobody misses an eraser there.
    await operator.page.goto(`${url}/erasers`)
    await operator.page.locator('tr[data-group="eraser.cache"]').waitFor()
    expect(await operator.page.locator('tr[data-group="eraser.archive"]').count()).toBe(0)
    const officer = await visit(browser)
    await signIn(officer.page, `${url}/requests/${requestId}`, token('privacy-officer'))
    await officer.page.getByRole('button', { name: 'Evidence …' }).press('Enter')
    const read = officer.page.getByRole('dialog')
    await read.getByRole('button', { name: 'Evidence', exact: true }).press('Enter')
    await read.getByText(`protocol ${WHY}`).waitFor()
    expect(await takenForMarkup(officer.page)).toBe(0)
    for (const name of ['ops', 'request', 'aggregator'] as const)
      for (const secret of [WHY, 'customer60@'])
        expect(readFileSync(chain.logFile(name), 'utf8'), name).not.toContain(secret)
    expect([...operator.faults, ...officer.faults]).toEqual([])
    await Promise.all([operator, officer].map(({ context }) => context.close()))
  })
}
