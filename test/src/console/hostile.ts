import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { answerHostile, takenForMarkup } from '../browser/hostile-answers.js'
import { pages } from './pages.js'
import { type Stage } from './stage.js'

export function hostileAnswers(stage: () => Stage): void {
  it('shows every text of every answer as text, and a planted element is seen', async () => {
    const { browser, url, token, earlier } = stage()
    const other = await visit(browser)
    await signIn(other.page, url, token())
    await answerHostile(other.page)
    for (const [path] of pages(earlier) as [string, string][]) {
      await other.page.goto(`${url}${path}`)
      await other.page.getByText('hostile.png').filter({ visible: true }).first().waitFor()
      expect(await takenForMarkup(other.page), path).toBe(0)
    }
    await other.page.goto(`${url}/requests/${earlier.followed}`)
    const actions = other.page.getByRole('region', { name: 'Actions' }).getByRole('button')
    await actions.first().waitFor()
    for (let n = 0; n < 8; n++) {
      await actions.nth(n).click()
      await other.page.getByRole('dialog').waitFor()
      expect(await takenForMarkup(other.page), `action ${n}`).toBe(0)
      if (n === 2) {
        await other.page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click()
        await other.page.locator('[data-held]').waitFor()
        expect(await takenForMarkup(other.page), 'the answer to a hold').toBe(0)
      }
      await other.page.keyboard.press('Escape')
      await other.page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    const tasks = other.page.getByRole('region', { name: 'Tasks by hand', exact: true })
    for (const name of ['Take task', 'Mark done', 'Evidence']) {
      await tasks.getByRole('button', { name }).click()
      const dialog = other.page.getByRole('dialog')
      await dialog.getByText('hostile.png').first().waitFor()
      if (name !== 'Mark done') {
        await dialog.getByRole('button', { name, exact: true }).click()
        await dialog.getByRole('button', { name: 'Close' }).waitFor()
      }
      expect(await takenForMarkup(other.page), name).toBe(0)
      await other.page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    }
    await other.page.goto(`${url}/data-map`)
    await other.page.getByRole('button', { name: 'Check the map' }).click()
    await other.page.locator('[data-checked]').waitFor()
    expect(await takenForMarkup(other.page), 'coverage').toBe(0)
    await other.page.goto(`${url}/where`)
    await other.page.getByLabel('Tenant of the person').fill('acme')
    await other.page.getByLabel('Its value').fill('somebody')
    await other.page.getByRole('button', { name: 'Look' }).click()
    await other.page.locator('[data-source]').waitFor()
    expect(await takenForMarkup(other.page), 'where').toBe(0)
    await other.page.goto(`${url}/dead-letters`)
    for (const name of ['Look …', 'Redrive …']) {
      await other.page.getByRole('button', { name, exact: true }).click()
      await other.page.getByRole('dialog').getByText('hostile.png').first().waitFor()
      expect(await takenForMarkup(other.page), name).toBe(0)
      await other.page.keyboard.press('Escape')
      await other.page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    expect(other.faults).toEqual([])
    await other.page.evaluate(`{
    const image = document.createElement('img')
    image.src = '/hostile.png'
    document.querySelector('main').append(image)
  }`)
    expect(await takenForMarkup(other.page)).toBeGreaterThan(0)
    // Were a text made into markup all the same, the page's policy would neither take nor run it.
    await expect(other.page.evaluate(`document.body.innerHTML = '<b>text</b>'`)).rejects.toThrow(
      /TrustedHTML/,
    )
    await other.context.close()
  })
}
