import { expect, it } from 'vitest'
import { shownOn, WATCH } from '../bench/ops/screen.js'
import { signIn, visit } from '../browser/chromium.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage, statusOn } from './stage.js'

/** What is shown of a request while it moves. */
export function watching(stage: () => Stage): void {
  it('misses no change that falls between the loading of a page and the beginning of its stream', async () => {
    const { client, browser, url, token } = stage()
    const { requestId } = await client.request(customer(33, { approval: 'required' }))
    await untilStatus(client, requestId, ['AWAITING_APPROVAL'])
    const seen = await visit(browser)
    await signIn(seen.page, url, token())
    let begin: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      begin = resolve
    })
    await seen.page.route('**/v1/stream', async (route) => {
      await held
      await route.continue()
    })
    await seen.page.goto(`${url}/requests/${requestId}`)
    await until(
      'the wait for approval',
      () => statusOn(seen.page),
      (status) => status === 'AWAITING_APPROVAL',
    )
    // The last thing that ever happens to it: no later change would bring it along.
    await client.command(requestId, 'cancel', {})
    begin()
    await until(
      'the cancellation on the screen',
      () => statusOn(seen.page),
      (status) => status === 'CANCELLED',
    )
    expect(seen.faults).toEqual([])
    await seen.context.close()
  })

  it('shows every acknowledgement, and the watch of the benchmark writes down when each was painted', async () => {
    const { chain, client, browser, url, token } = stage()
    const { requestId } = await client.request(customer(34, { approval: 'required' }))
    const viewer = await visit(browser)
    await viewer.page.addInitScript(WATCH)
    await signIn(viewer.page, `${url}/requests/${requestId}`, token('viewer'))
    await viewer.page.locator('li[data-event="RequestReceived"]').waitFor()
    await viewer.page.locator('.live[data-freshness="live"]').waitFor()
    expect(await shownOn(viewer.page)).toEqual([])
    const approvedAt = Date.now()
    await chain.client('admin').command(requestId, 'approve', {})
    await viewer.page.locator('li[data-event="RequestCompleted"]').waitFor({ timeout: 60_000 })
    const { items } = await client.events(requestId)
    const acknowledged = items.filter(({ type }) => type === 'PassAcknowledged')
    const shown = await until(
      'the last of them written down',
      () => shownOn(viewer.page),
      (times) => times.length >= acknowledged.length,
    )
    expect(shown).toHaveLength(acknowledged.length)
    expect([...shown].sort((a, b) => a - b)).toEqual(shown)
    expect(shown[0]).toBeGreaterThan(approvedAt)
    expect(shown.at(-1)).toBeLessThan(Date.now() + 1)
    await viewer.context.close()
  })
}
