import { expect, it } from 'vitest'
import { overflow, seriousFindings } from '../browser/axe.js'
import { type Scheme, signIn, visit } from '../browser/chromium.js'
import { pages } from './pages.js'
import { type Stage } from './stage.js'

export function looks(stage: () => Stage): void {
  for (const scheme of ['light', 'dark'] satisfies Scheme[])
    for (const width of [360, 1440, 1920])
      it(`has no serious finding of axe and does not scroll sideways, ${scheme} at ${width} px`, async () => {
        const { browser, url, token, picture, earlier } = stage()
        const seen = await visit(browser, scheme, width)
        await seen.page.goto(url)
        expect(await seriousFindings(seen.page), 'sign-in').toEqual([])
        await signIn(seen.page, url, token('privacy-officer'))
        for (const [path, text] of pages(earlier)) {
          await seen.page.goto(`${url}${path}`)
          await seen.page.getByText(text).filter({ visible: true }).first().waitFor()
          expect(await seriousFindings(seen.page), path).toEqual([])
          expect(await overflow(seen.page), path).toBe(0)
          if (scheme === 'light' && width === 1920 && path === '/verification')
            await picture('verification', seen.page)
          if (scheme === 'dark' && width === 360 && path === '/') await picture('overview-narrow', seen.page)
        }
        await seen.page.goto(`${url}/requests/${earlier.followed}`)
        await seen.page.getByRole('button', { name: 'Hold' }).click()
        await seen.page.getByRole('dialog').waitFor()
        expect(await seriousFindings(seen.page), 'a dialog').toEqual([])
        expect(await overflow(seen.page), 'a dialog').toBe(0)
        expect(seen.faults).toEqual([])
        await seen.context.close()
      }, 300_000)
}

export function faultsFound(stage: () => Stage): void {
  it('would be found out by axe, and by the width, with a fault in it', async () => {
    const { page } = stage()
    await page.evaluate(`{
    const button = document.createElement('button')
    const wide = document.createElement('p')
    wide.style.width = '200vw'
    wide.textContent = 'wide'
    document.querySelector('main').append(button, wide)
  }`)
    expect(await seriousFindings(page)).toEqual([expect.stringMatching(/^button-name/)])
    expect(await overflow(page)).toBeGreaterThan(0)
  })
}
