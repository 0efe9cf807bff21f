import { expect, it } from 'vitest'
import { signIn } from '../browser/chromium.js'
import { type Stage, untilMark } from './stage.js'

export function nobodyUnknown(stage: () => Stage): void {
  it('lets nobody in with a token that is not known, and says so', async () => {
    const { url, page, token } = stage()
    await page.goto(`${url}/requests`)
    await page.getByLabel('Token of a service credential').fill('nobody-knows-this')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'not known' }).waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    await signIn(page, `${url}/requests`, token())
    await untilMark(page, 'live')
    expect(page.url()).toBe(`${url}/requests`)
    await page.evaluate('window.sameDocument = true')
  })
}

export function signedOut(stage: () => Stage): void {
  it('has no session after signing out, in another tab neither, nor when the service ends it', async () => {
    const { url, page, staff, token } = stage()
    const tab = await staff.context.newPage()
    await tab.goto(`${url}/lag`)
    await tab.getByText('Partitions').filter({ visible: true }).first().waitFor()
    await page.goto(`${url}/lag`)
    // What scripts could read of it: nothing.
    expect(await page.evaluate('document.cookie + sessionStorage.length + localStorage.length')).toBe('00')
    expect(await staff.context.cookies()).toMatchObject([
      { name: 'lethe-session', httpOnly: true, sameSite: 'Strict' },
    ])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token of a service credential').waitFor()
    await tab.getByLabel('Token of a service credential').waitFor()
    expect(await staff.context.cookies()).toEqual([])
    await tab.close()
    await signIn(page, `${url}/lag`, token())
    await page.route('**/v1/**', (route) => route.fulfill({ status: 401, json: { title: 'expired' } }))
    await page.getByText('The session has ended').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    expect(staff.faults).toEqual([])
  })
}
