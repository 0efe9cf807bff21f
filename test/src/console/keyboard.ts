import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { walkByTab } from '../browser/tabbing.js'
import { pages } from './pages.js'
import type { Stage } from './stage.js'

export function keyboardFirst(stage: () => Stage): void {
  it('is reached by keyboard: first the way past the menu, and every link shows that it has the focus', async () => {
    const { url, page } = stage()
    await page.goto(url)
    await page.getByText('Requests by status').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Overview')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  })

  it('lets Tab alone come to everything that can be used, on every page, and shows where it is', async () => {
    const { browser, url, token, earlier } = stage()
    const officer = await visit(browser)
    const { page } = officer
    await signIn(page, url, token('privacy-officer'))
    for (const [path, text] of pages(earlier)) {
      await page.goto(`${url}${path}`)
      await page.getByText(text).filter({ visible: true }).first().waitFor()
      const { missed, unshown, reached } = await walkByTab(page)
      expect(missed, path).toEqual([])
      expect(unshown, path).toEqual([])
      // The menu alone has more.
      expect(reached, path).toBeGreaterThan(10)
    }
    // What only a mouse could use, and a focus that nobody sees, would be found.
    await page.evaluate(`{
      const [first, second] = document.querySelectorAll('main a, main button')
      first.tabIndex = -1
      second.style.outline = 'none'
    }`)
    const broken = await walkByTab(page)
    expect([broken.missed.length, broken.unshown.length]).toEqual([1, 1])
    expect(officer.faults).toEqual([])
    await officer.context.close()
  }, 600_000)
}
