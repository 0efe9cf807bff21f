import type { Page } from 'playwright-core'

/** What a key can reach: links, buttons, fields, folded parts, and tables that scroll. */
const REACHABLE =
  'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary, [tabindex="0"]'

interface Walked {
  /** Beginnings of elements that no Tab came to. */
  readonly missed: readonly string[]
  /** Those that had the focus and did not show it. */
  readonly unshown: readonly string[]
  readonly reached: number
}

/**
 * Walks through a page by Tab alone, from its beginning. Elements that come or go meanwhile, because the page is live,
 * are left out.
 */
export async function walkByTab(page: Page): Promise<Walked> {
  const count = (await page.evaluate(`(() => {
    const there = [...document.querySelectorAll('${REACHABLE}')].filter((one) => one.checkVisibility())
    const walk = { there, reached: new Set(), unshown: new Set() }
    window.walk = walk
    document.addEventListener('focusin', ({ target }) => {
      walk.reached.add(target)
      const { outlineStyle, outlineWidth } = getComputedStyle(target)
      if (outlineStyle === 'none' || parseFloat(outlineWidth) === 0) walk.unshown.add(target)
    })
    document.activeElement?.blur()
    return there.length
  })()`)) as number
  // A date has parts that Tab stops at one by one.
  for (let n = 0; n < 2 * count + 20; n++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate('document.activeElement === document.body')) break
  }
  return (await page.evaluate(`(() => {
    const { there, reached, unshown } = window.walk
    const texts = (all) => [...all].map((one) => one.outerHTML.slice(0, 120))
    return {
      missed: texts(there.filter((one) => one.isConnected && !reached.has(one))),
      unshown: texts(unshown),
      reached: reached.size,
    }
  })()`)) as Walked
}
