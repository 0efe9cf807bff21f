import { expect, it } from 'vitest'
import { signIn, visit } from '../browser/chromium.js'
import { until } from '../harness/wait.js'
import { customer, type Stage, statusOn } from './stage.js'

export function viewerOffered(stage: () => Stage): void {
  it('offers a viewer nothing to do, and does nothing for a page of another site', async () => {
    const { client, browser, url, page, token } = stage()
    const { requestId } = await client.request(customer(6, { approval: 'required' }))
    await page.goto(`${url}/requests/${requestId}`)
    await until(
      'the wait for approval',
      () => statusOn(page),
      (seen) => seen === 'AWAITING_APPROVAL',
    )
    expect(await page.getByRole('region', { name: 'Actions' }).count()).toBe(0)
    const officer = await visit(browser)
    await signIn(officer.page, `${url}/requests/${requestId}`, token('privacy-officer'))
    const elsewhere = await officer.context.newPage()
    const answers: number[] = []
    elsewhere.on('response', (response) => answers.push(response.status()))
    await elsewhere.evaluate(
      `fetch('${url}/v1/requests/${requestId}/cancel', { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' })`,
    )
    await until(
      'an answer to the other site',
      async () => answers,
      (seen) => seen.length > 0,
    )
    expect(answers).toEqual([401])
    expect((await client.get(requestId)).status).toBe('AWAITING_APPROVAL')
    // The officer asked for it, so another has to approve it: told in the words of the service.
    await officer.page.getByRole('button', { name: 'Approve …' }).click()
    await officer.page.getByLabel('I want it').check()
    await officer.page.getByRole('button', { name: 'Approve', exact: true }).click()
    await officer.page.getByRole('alert').filter({ hasText: 'ask another approver' }).waitFor()
    await officer.context.close()
    const admin = await visit(browser)
    await signIn(admin.page, `${url}/requests/${requestId}`, token('admin'))
    await admin.page.getByRole('button', { name: 'Approve …' }).click()
    await admin.page.getByLabel('I want it').check()
    await admin.page.getByRole('button', { name: 'Approve', exact: true }).click()
    await until(
      'the completion on the screen',
      () => statusOn(admin.page),
      (seen) => seen === 'COMPLETED',
    )
    await admin.context.close()
  })
}
