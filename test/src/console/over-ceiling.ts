import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { signIn, visit } from '../browser/chromium.js'
import { withRedis } from '../harness/stores.js'
import { until, untilStatus } from '../harness/wait.js'
import { customer, type Stage, statusOn } from './stage.js'

/** One more than the ceiling of the shop's cache, besides what every customer has. */
const KEYS = 1_001

/** An erasure that would touch more than a system's ceiling, decided in the browser by two people. */
export function overCeiling(stage: () => Stage): void {
  it('shows what is over a ceiling with its counts, refuses who approved before, and goes on when a second person approves', async () => {
    const { chain, client, browser, url, token } = stage()
    await withRedis(chain.redisUrl, async (redis) => {
      const keys = Array.from({ length: KEYS }, (_, n) => [`tenant:acme:user:u10:more${n}`, '{}'])
      await redis.mset(Object.fromEntries(keys))
    })
    const left = () => withRedis(chain.redisUrl, (redis) => redis.keys('tenant:acme:user:u10:*'))
    const asked = await chain.client('shop-backend').request(customer(10, { approval: 'required' }))
    const { requestId } = asked
    const dialogOf = async (of: Awaited<ReturnType<typeof visit>>) => {
      await of.page.getByRole('button', { name: 'Approve …' }).press('Enter')
      return of.page.getByRole('dialog')
    }

    // The first of the two approves what the policy asks for.
    const first = await visit(browser)
    await signIn(first.page, `${url}/requests/${requestId}`, token('admin'))
    const policy = await dialogOf(first)
    await policy.getByText('has to be approved by somebody else than who made it').waitFor()
    await policy.getByLabel('I want it').check()
    await policy.getByRole('button', { name: 'Approve', exact: true }).press('Enter')
    await untilStatus(client, requestId, ['AWAITING_APPROVAL', 'COMPLETED', 'FAILED'])
    await until(
      'the wait for a second approval',
      () => client.get(requestId),
      ({ overCeiling: over }) => over !== null,
    )
    expect(await left()).toHaveLength(KEYS + 3)

    // And is told, in the words of the service, that the second has to be another.
    await until(
      'the wait on the screen',
      () => statusOn(first.page),
      (seen) => seen === 'AWAITING_APPROVAL',
    )
    const again = await dialogOf(first)
    await again.getByText('it takes another approver than the first').waitFor()
    await again.getByLabel('I want it').check()
    await again.getByRole('button', { name: 'Approve', exact: true }).press('Enter')
    await again
      .getByRole('alert')
      .filter({ hasText: 'who approved the request cannot lift its ceiling' })
      .waitFor()
    expect(await client.get(requestId)).toMatchObject({ status: 'AWAITING_APPROVAL' })
    expect(await left()).toHaveLength(KEYS + 3)
    await first.page.keyboard.press('Escape')

    const second = await visit(browser)
    await signIn(second.page, `${url}/requests/${requestId}`, token('privacy-officer'))
    const dialog = await dialogOf(second)
    await dialog.getByText(/cache, tenant:\{tenant\}:user:\{user_id\}:\*: 1.00\d found/).waitFor()
    expect(await seriousFindings(second.page), 'the second approval').toEqual([])
    expect(await overflow(second.page), 'the second approval').toBe(0)
    await dialog.getByLabel('I want it').check()
    await dialog.getByRole('button', { name: 'Approve', exact: true }).press('Enter')
    for (const { page } of [first, second])
      await until(
        'the completion on the screen',
        () => statusOn(page),
        (seen) => seen === 'COMPLETED',
      )
    expect(await left()).toEqual([])
    const approvals = (await client.events(requestId)).items.filter(({ type }) => type === 'RequestApproved')
    expect(new Set(approvals.map(({ data }) => data.by)).size).toBe(2)
    for (const one of [first, second]) {
      expect(one.faults).toEqual([])
      await one.context.close()
    }
  })
}
