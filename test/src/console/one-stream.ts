import type { BrowserContext, Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage, statusOn, untilMark } from './stage.js'

/** A call for the stream: which tab made it, from where on, as which session, and what came of it. */
interface Listening {
  readonly page: Page
  readonly after: string | undefined
  readonly session: string | undefined
  status: number | null
}

/** Every stream the tabs of a browser ask for, from now on. */
function listenings(context: BrowserContext): Listening[] {
  const found: Listening[] = []
  context.on('request', (request) => {
    if (!request.url().endsWith('/v1/stream')) return
    const headers = request.headers()
    const listening: Listening = {
      page: request.frame().page(),
      after: headers['last-event-id'],
      session: headers['x-lethe-tabs'],
      status: null,
    }
    found.push(listening)
    void request.response().then((response) => {
      listening.status = response?.status() ?? null
    })
  })
  return found
}

/** As the service itself counts them. */
async function openStreams(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^lethe_ops_streams(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1] ?? 0)
}

const untilStreams = (url: string, count: number) =>
  until(
    `${count} open streams`,
    () => openStreams(url),
    (seen) => seen === count,
  )

const untilStatusOn = (page: Page, status: string) =>
  until(
    `${status} on the screen`,
    () => statusOn(page),
    (seen) => seen === status,
  )

const signInForm = (page: Page) => page.getByLabel('Token of a service credential')

/** One connection for all tabs of a browser, however they come and go. */
export function oneStream(stage: () => Stage): void {
  it('has one stream for all tabs of a browser, which another tab goes on with when the first is closed', async () => {
    const { client, browser, url, page, token } = stage()
    // Nobody else listens meanwhile, so that what the service counts are these tabs.
    await page.goto('about:blank')
    await untilStreams(url, 0)
    const { requestId } = await client.request(customer(71, { approval: 'required' }))
    await untilStatus(client, requestId, ['AWAITING_APPROVAL'])
    const { context, page: first, faults } = await visit(browser)
    const asked = listenings(context)
    await signIn(first, `${url}/requests/${requestId}`, token())
    await untilMark(first, 'live')
    const others = [await context.newPage(), await context.newPage()] as const
    for (const tab of others) {
      await tab.goto(`${url}/requests/${requestId}`)
      await untilMark(tab, 'live')
    }
    const [second, third] = others
    expect(asked.map((one) => one.page === first)).toEqual([true])
    await untilStreams(url, 1)
    await client.command(requestId, 'hold', {})
    for (const tab of [first, second, third]) await untilStatusOn(tab, 'ON_HOLD')

    // What happens while nobody listens is the last of its kind: no later change would bring it along.
    let begin: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      begin = resolve
    })
    await context.route('**/v1/stream', async (route) => {
      await held
      await route.continue()
    })
    await first.close()
    await until(
      'the next tab to listen',
      async () => asked.length,
      (seen) => seen === 2,
    )
    await untilStreams(url, 0)
    await client.command(requestId, 'release', {})
    begin()
    for (const tab of [second, third]) await untilStatusOn(tab, 'AWAITING_APPROVAL')
    expect(asked[1]?.after).toMatch(/^\d+\.\d+$/)
    await untilStreams(url, 1)
    expect(asked).toHaveLength(2)

    await second.getByRole('button', { name: 'Sign out' }).click()
    for (const tab of [second, third]) await signInForm(tab).waitFor()
    await untilStreams(url, 0)
    expect(faults).toEqual([])
    await context.close()
  })

  it('lets no tab hear the stream of another session in the same browser', async () => {
    const { browser, url, token } = stage()
    const { context, page: left } = await visit(browser)
    const asked = listenings(context)
    await signIn(left, `${url}/lag`, token())
    await untilMark(left, 'live')
    const first = asked[0]?.session
    const other = await context.newPage()
    // As from a sign-in form that was left open: the tabs are not told, and their cookie is another's.
    await other.goto(`${url}/lag`)
    await untilMark(other, 'live')
    const status = await other.evaluate(async (secret) => {
      const body = JSON.stringify({ token: secret })
      const headers = { 'content-type': 'application/json' }
      return (await fetch('/v1/session', { method: 'POST', headers, body })).status
    }, token('operator'))
    expect(status).toBe(201)
    for (const tab of [left, other]) {
      await tab.locator('.who').getByText('operator', { exact: true }).waitFor()
      await untilMark(tab, 'live')
    }
    await untilStreams(url, 1)
    const sessions = asked.filter((one) => one.status === 200).map((one) => one.session)
    expect(sessions).toHaveLength(2)
    expect(sessions[0]).toBe(first)
    expect(sessions[1]).not.toBe(first)
    expect(asked.filter((one) => one.session === first && one.status === 200)).toHaveLength(1)
    await context.close()
  })

  it('has a stream for each tab where the browser has no locks to agree by', async () => {
    const { client, browser, url, token } = stage()
    const { requestId } = await client.request(customer(76, { approval: 'required' }))
    await untilStatus(client, requestId, ['AWAITING_APPROVAL'])
    const { context, page: first, faults } = await visit(browser)
    await context.addInitScript('delete Navigator.prototype.locks')
    await signIn(first, `${url}/requests/${requestId}`, token())
    const second = await context.newPage()
    await second.goto(`${url}/requests/${requestId}`)
    for (const tab of [first, second]) await untilMark(tab, 'live')
    await untilStreams(url, 2)
    await client.command(requestId, 'hold', {})
    for (const tab of [first, second]) await untilStatusOn(tab, 'ON_HOLD')
    expect(faults).toEqual([])
    await context.close()
  })
}
