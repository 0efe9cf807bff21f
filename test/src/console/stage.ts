import type { LetheClient, NewErasureRequest } from '@lethe/client'
import type { Browser, Page } from 'playwright-core'
import type { Chain } from '../harness/chain.js'

/** A chain with its console, for tests that share one. */
export interface Stage {
  readonly chain: Chain
  readonly client: LetheClient
  readonly browser: Browser
  /** Where a viewer is signed in, never loaded anew. */
  readonly page: Page
  /** Of the console. */
  readonly url: string
  readonly token: (credential?: string) => string
  /** Kept under docs/ when asked for. */
  readonly picture: (name: string, of?: Page) => Promise<void>
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
