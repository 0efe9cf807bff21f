import { expect, it } from 'vitest'
import { seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { until } from '../harness/wait.js'
import { type Stage } from './stage.js'

export function reprobe(stage: () => Stage): void {
  it('has a probe look again from the matrix, by keyboard, and shows what it found', async () => {
    const { client, browser, url, page, token, earlier } = stage()
    const operator = await visit(browser)
    await signIn(operator.page, `${url}/verification`, token('operator'))
    const checkedAt = async () => {
      const { systems } = await client.get(earlier.followed)
      return systems.find(({ systemId }) => systemId === 'shop-pg')?.probe?.checkedAt ?? 0
    }
    const before = await checkedAt()
    await operator.page.locator(`[data-look="${earlier.followed}"]`).press('Enter')
    const dialog = operator.page.getByRole('dialog')
    await dialog.getByLabel('System').selectOption('shop-pg')
    expect(await seriousFindings(operator.page), 'the dialog').toEqual([])
    await dialog.getByRole('button', { name: 'Look again' }).press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await operator.page.getByText('asked shop-pg').waitFor()
    await until('another look', checkedAt, (at) => at > before)
    expect(await client.get(earlier.followed)).toMatchObject({ status: 'COMPLETED' })
    await page.goto(`${url}/verification`)
    await page.locator(`tr`).filter({ hasText: earlier.followed }).waitFor()
    expect(await page.locator('[data-look]').count()).toBe(0)
    await operator.context.close()
  })
}
