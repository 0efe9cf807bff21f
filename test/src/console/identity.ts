import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { type Visit, visit } from '../browser/chromium.js'
import { startProvider } from '../browser/identity-provider.js'
import { customer, type Stage } from './stage.js'

export function identityProvider(stage: () => Stage): void {
  it('lets people in by the identity provider, who then act as themselves, and nobody without a role', async () => {
    const { chain, client, browser, url } = stage()
    const provider = await startProvider(url, (login) => (login === 'officer-7' ? ['privacy_officer'] : []))
    try {
      const people = { LETHE_OIDC_ISSUER: provider.issuer, LETHE_OIDC_CLIENT_ID: provider.clientId }
      await chain.exchange('request', undefined, people)
      await chain.exchange('ops', undefined, {
        ...people,
        LETHE_PUBLIC_URL: url,
        LETHE_OIDC_LABEL: 'the house',
      })
      const { requestId } = await client.request(customer(7, { approval: 'required' }))
      const signInAs = async (of: Page, login: string) => {
        await of.goto(`${url}/requests/${requestId}`)
        await of.getByRole('link', { name: 'Sign in with the house' }).click()
        await of.locator('input[name="login"]').fill(login)
        await of.locator('input[name="password"]').fill('anything')
        await of.locator('button[type="submit"]').click()
        await of.locator('button[type="submit"]').filter({ hasText: 'Continue' }).click()
      }
      const officer = await visit(browser)
      await signInAs(officer.page, 'officer-7')
      await officer.page.getByRole('button', { name: 'Approve …' }).click()
      expect(officer.page.url()).toBe(`${url}/requests/${requestId}`)
      await officer.page.getByLabel('I want it').check()
      await officer.page.getByRole('button', { name: 'Approve', exact: true }).click()
      await officer.page.locator('li[data-event="RequestApproved"] summary').click()
      await officer.page
        .locator('li[data-event="RequestApproved"] pre')
        .getByText('"by": "oidc:officer-7"')
        .waitFor()
      // The provider, on the same host, has cookies of its own.
      const ours = async ({ context }: Visit) =>
        (await context.cookies(url)).filter(({ name }) => name.startsWith('lethe-'))
      expect(await ours(officer)).toMatchObject([
        { name: 'lethe-session', httpOnly: true, sameSite: 'Strict' },
      ])
      const stranger = await visit(browser)
      await signInAs(stranger.page, 'stranger')
      await stranger.page.getByRole('alert').filter({ hasText: 'gives you no role' }).waitFor()
      expect(await ours(stranger)).toEqual([])

      // Nobody is let in for an answer that this browser did not ask for.
      const begun = await fetch(`${url}/v1/session/oidc`, { redirect: 'manual' })
      const [cookie = ''] = (begun.headers.get('set-cookie') ?? '').split(';')
      const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state')
      for (const [what, headers, query] of [
        ['no cookie', {}, `code=made-up&state=${state}`],
        ['another state', { cookie }, 'code=made-up&state=another'],
        ['once more', { cookie }, `code=made-up&state=${state}`],
      ] as const) {
        const answer = await fetch(`${url}/v1/session/callback?${query}`, { headers, redirect: 'manual' })
        expect(answer.headers.get('location'), what).toBe('/?refused=unauthenticated')
        expect(answer.headers.get('set-cookie'), what).not.toMatch(/lethe-session=[^;]/)
      }
      await Promise.all([officer, stranger].map(({ context }) => context.close()))
    } finally {
      await provider.stop()
    }
  })
}
