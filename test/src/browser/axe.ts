import axe from 'axe-core'
import type { Page } from 'playwright-core'

const SERIOUS = ['serious', 'critical']

interface Found {
  readonly violations: readonly {
    readonly id: string
    readonly impact?: string | null
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

/** Serious findings of axe on what the page shows now, each with the first element it is about. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated from outside, which the page's policy does not forbid.
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as Found
  return violations
    .filter(({ impact }) => SERIOUS.includes(impact ?? ''))
    .map(({ id, nodes }) => `${id}: ${nodes.length} times, first ${nodes[0]?.html.slice(0, 200)}`)
}

/** Pixels by which the page is wider than its window; tables scroll inside of it. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  ) as Promise<number>
