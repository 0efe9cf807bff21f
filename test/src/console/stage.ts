import type { LetheClient, NewErasureRequest } from '@lethe/client'
import type { Browser, Page } from 'playwright-core'
import type { Visit } from '../browser/chromium.js'
import type { Chain } from '../harness/chain.js'
import { until } from '../harness/wait.js'

/** Why an erasure is held: for the vault, and for no log, address or topic. */
export const WHY = 'because-of-a-lawsuit-about-ada'

/** What tests have left for those after them. */
export interface Earlier {
  /** The request that was followed to its end. */
  followed: string
  /** The path of the page of an action on many requests. */
  bulkJob: string
  /** What the page of restores says of a drill. */
  drilled: string
}

/** A chain with its console, for tests that share one. */
export interface Stage {
  readonly chain: Chain
  readonly client: LetheClient
  readonly browser: Browser
  /** Where a viewer is signed in, never loaded anew. */
  readonly page: Page
  /** Whose page that is. */
  readonly staff: Visit
  /** Of the console. */
  readonly url: string
  readonly token: (credential?: string) => string
  /** Kept under docs/ when asked for. */
  readonly picture: (name: string, of?: Page) => Promise<void>
  readonly earlier: Earlier
}

export const customer = (n: number, more: Partial<NewErasureRequest> = {}): NewErasureRequest => ({
  tenantId: 'acme',
  identifiers: [{ type: 'email', value: `customer${n}@example.com` }],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
  ...more,
})

/** What the page of a request says it is. */
export const statusOn = (page: Page): Promise<string | null> =>
  page.locator('p.status').getAttribute('data-status')

/** By a click in the menu: nothing is loaded anew. */
export const go = (page: Page, name: string): Promise<void> =>
  page
    .getByRole('navigation', { name: 'Pages', exact: true })
    .getByRole('link', { name, exact: true })
    .click()

/** Until the page says of itself that it is live, stale or polling. */
export const untilMark = (page: Page, kind: string): Promise<string | null> =>
  until(
    `the mark ${kind}`,
    () => page.locator('.live').getAttribute('data-freshness'),
    (seen) => seen === kind,
  )

/** A page that was loaded anew would have lost it. */
export const untouched = (page: Page): Promise<unknown> => page.evaluate('window.sameDocument === true')

/** The moment a fact of a request's page tells, epoch milliseconds; null where it tells none. */
export async function factOn(page: Page, name: string): Promise<number | null> {
  const fact = page.locator('dl > div', { has: page.getByText(name, { exact: true }) }).locator('time')
  const told = (await fact.count()) === 0 ? null : await fact.getAttribute('datetime')
  return told === null ? null : Date.parse(told)
}
