import type { Browser, Page } from 'playwright-core'
import { visit } from '../../browser/chromium.js'
import type { Installation } from '../pipeline/installation.js'
import type { Sample } from '../report/measure.js'
import { acknowledged } from './live.js'
import { quantiles } from './reads.js'

export const SCREEN = 'From an acknowledgement on the topic to the screen'
const CHROMIUM = 'in Chromium, one request at a time'

/**
 * For a page's init script: writes down, epoch milliseconds, when the timeline on the page first shows no, one, two, …
 * acknowledgements, each once the frame that shows it was painted.
 */
export const WATCH = `
  window.shown = []
  const painted = (there) => {
    const now = performance.timeOrigin + performance.now()
    while (window.shown.length <= there) window.shown.push(now)
  }
  new MutationObserver(() => {
    if (document.querySelector('ol.timeline li') === null) return
    const there = document.querySelectorAll('li[data-event="PassAcknowledged"]').length
    if (window.shown.length <= there) requestAnimationFrame(() => setTimeout(() => painted(there)))
  }).observe(document, { childList: true, subtree: true })`

/** What `WATCH` has written down: of the first acknowledgement, the second, … */
export async function shownOn(page: Page): Promise<readonly number[]> {
  const [, ...shown] = (await page.evaluate('window.shown')) as number[]
  return shown
}

/**
 * One request at a time, its page open in a real browser before its erasure begins.
 *
 * @throws Error for a request of which the page did not show every acknowledgement
 */
export async function toTheScreen(
  lethe: Installation,
  browser: Browser,
  from: number,
  count: number,
): Promise<Sample[]> {
  const { url, token } = lethe.ops
  const { context, page } = await visit(browser)
  try {
    await page.addInitScript(WATCH)
    await page.goto(url)
    await page.getByLabel('Token of a service credential').fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor()
    const seen = new Map<string, readonly number[]>()
    for (let n = 0; n < count; n++) {
      const requestId = await waiting(lethe, from + n)
      seen.set(requestId, await followed(page, lethe, requestId))
    }
    return quantiles(SCREEN, CHROMIUM, waitsOf(await acknowledged(lethe, new Set(seen.keys())), seen))
  } finally {
    await context.close()
  }
}

/** How long each acknowledgement waited, milliseconds; both in the order of their times. */
export function waitsOf(
  written: ReadonlyMap<string, readonly number[]>,
  seen: ReadonlyMap<string, readonly number[]>,
): number[] {
  return [...seen].flatMap(([requestId, shown]) => {
    const times = written.get(requestId) ?? []
    if (times.length === 0 || times.length !== shown.length)
      throw new Error(`${requestId}: ${times.length} acknowledgements, ${shown.length} shown`)
    return times.map((at, index) => (shown[index] as number) - at)
  })
}

/** A request that waits for its approval, so that its page can be open before anything happens. */
async function waiting({ target }: Installation, person: number): Promise<string> {
  const answer = await fetch(`${target.url}/v1/erasure-requests`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${target.token}`,
      'idempotency-key': `screen-${person}`,
    },
    body: JSON.stringify({
      tenantId: 'acme',
      regime: 'gdpr',
      ground: '17(1)(b)',
      identifiers: [{ type: 'user_id', value: `u${person}` }],
      requesterRole: 'self',
      identity: { method: 'session' },
      graceDays: 0,
      approval: 'required',
    }),
  })
  const text = await answer.text()
  const { requestId } = JSON.parse(text) as { requestId?: string }
  if (requestId === undefined)
    throw new Error(`a request that needs approval was answered ${answer.status}: ${text.slice(0, 300)}`)
  return requestId
}

/** When the page showed the first, the second, … acknowledgement; epoch milliseconds. */
async function followed(page: Page, { ops }: Installation, requestId: string): Promise<readonly number[]> {
  await page.goto(`${ops.url}/requests/${requestId}`)
  await page.locator('li[data-event="RequestReceived"]').waitFor()
  await page.locator('.live[data-freshness="live"]').waitFor()
  const approved = await fetch(`${ops.url}/v1/requests/${requestId}/approve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ops.token}` },
    body: '{}',
  })
  if (!approved.ok) throw new Error(`an approval was answered ${approved.status}: ${await approved.text()}`)
  await page.locator('li[data-event="RequestCompleted"]').waitFor({ timeout: 60_000 })
  return shownOn(page)
}
