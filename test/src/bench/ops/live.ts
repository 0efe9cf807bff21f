import { MessageCodec, readTopic } from '@lethe/messaging'
import type { Browser, Page } from 'playwright-core'
import { visit } from '../../browser/chromium.js'
import type { Installation } from '../pipeline/installation.js'
import { openLoop } from '../pipeline/load.js'
import { peopleFrom } from '../pipeline/people.js'
import type { Sample } from '../report/measure.js'
import { Listener } from './listener.js'
import { quantiles } from './reads.js'

export const LIVE = 'From an acknowledgement on the topic to its change'
export const STREAM = 'on the stream'
export const SCREEN = 'on the screen, in Chromium'

/** When each acknowledgement was written to the topic, epoch milliseconds; of each request in their order. */
async function acknowledged(lethe: Installation, ids: ReadonlySet<string>): Promise<Map<string, number[]>> {
  const { at } = lethe.context
  const kafka = { brokers: at.brokers, clientId: 'lethe-bench', topicPrefix: lethe.topicPrefix }
  const codec = await MessageCodec.connect(at.registryUrl, { register: false })
  const found = new Map<string, number[]>()
  await readTopic(kafka, codec, 'erasure.acknowledged', async (_partition, page) => {
    for (const { type, value, timestamp } of page) {
      const { requestId } = value as { requestId?: string }
      if (type !== 'ErasureAcknowledged' || requestId === undefined || !ids.has(requestId)) continue
      found.set(requestId, [...(found.get(requestId) ?? []), timestamp])
    }
  })
  for (const times of found.values()) times.sort((a, b) => a - b)
  return found
}

/** Requests at a steady pace, and a console that is told of each acknowledgement. */
export async function toTheStream(lethe: Installation, from: number, count: number): Promise<Sample[]> {
  const { url, token } = lethe.ops
  const told = new Map<string, number[]>()
  const listener = await Listener.open(url, token, ({ requestId, type }, at) => {
    if (type === 'PassAcknowledged') told.set(requestId, [...(told.get(requestId) ?? []), at])
  })
  try {
    const accepts = await openLoop(lethe.target, peopleFrom(from, count), 5)
    await lethe.unfinished(
      accepts.map(({ requestId }) => requestId),
      0,
    )
    const written = await acknowledged(lethe, new Set(accepts.map(({ requestId }) => requestId)))
    const waits: number[] = []
    for (const [requestId, times] of written) {
      const seen = told.get(requestId) ?? []
      if (seen.length !== times.length)
        throw new Error(`${requestId}: ${times.length} acknowledgements, ${seen.length} told`)
      times.forEach((at, index) => {
        waits.push((seen[index] as number) - at)
      })
    }
    return quantiles(LIVE, STREAM, waits)
  } finally {
    listener.close()
  }
}

/** Writes down when the timeline of the open page first shows so many acknowledgements. */
const WATCH = `
  window.shown = []
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now()
    const listed = document.querySelectorAll('ol.timeline li').length
    const there = document.querySelectorAll('li[data-event="PassAcknowledged"]').length
    if (listed > 0) while (window.shown.length <= there) window.shown.push(now)
  }).observe(document, { childList: true, subtree: true })`

/** One request at a time, its page open in a real browser before its erasure begins. */
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
      seen.set(requestId, await shownOf(page, lethe, requestId))
    }
    const written = await acknowledged(lethe, new Set(seen.keys()))
    const waits = [...written].flatMap(([requestId, times]) =>
      times.map((at, index) => (seen.get(requestId)?.[index] ?? Number.NaN) - at),
    )
    return quantiles(LIVE, SCREEN, waits)
  } finally {
    await context.close()
  }
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
async function shownOf(page: Page, { ops }: Installation, requestId: string): Promise<readonly number[]> {
  await page.goto(`${ops.url}/requests/${requestId}`)
  await page.locator('li[data-event="RequestReceived"]').waitFor()
  const approved = await fetch(`${ops.url}/v1/requests/${requestId}/approve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ops.token}` },
    body: '{}',
  })
  if (!approved.ok) throw new Error(`an approval was answered ${approved.status}: ${await approved.text()}`)
  await page.locator('li[data-event="RequestCompleted"]').waitFor()
  const [, ...shown] = (await page.evaluate('window.shown')) as number[]
  return shown
}
