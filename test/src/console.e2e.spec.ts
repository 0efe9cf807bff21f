import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LetheClient, NewErasureRequest } from '@lethe/client'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildConsole } from '../../services/ops/scripts/build-console.ts'
import { overflow, seriousFindings } from './browser/axe.js'
import { findChromium, launch, type Scheme, signIn, type Visit, visit } from './browser/chromium.js'
import { answerHostile, HOSTILE, takenForMarkup } from './browser/hostile-answers.js'
import { Chain } from './harness/chain.js'
import { until, untilStatus } from './harness/wait.js'

const customer = (n: number, more: Partial<NewErasureRequest> = {}): NewErasureRequest => ({
  tenantId: 'acme',
  identifiers: [{ type: 'email', value: `customer${n}@example.com` }],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
  ...more,
})

const pictures = fileURLToPath(new URL('../../docs/ops/', import.meta.url))
const program = findChromium()

if (program === null)
  it('a Chromium can be had', (context) =>
    context.skip('There is no Chromium here: install the package chromium, or name one in CHROMIUM.'))
else
  describe('the console in Chromium on the chain', () => {
    let chain: Chain
    let client: LetheClient
    let browser: Browser
    let url: string
    let staff: Visit
    let page: Page
    /** The one that was followed to its end. */
    let followed: string

    beforeAll(async () => {
      await buildConsole()
      browser = await launch(program as string)
      chain = await Chain.start({ ops: true, restore: true })
      client = chain.client()
      url = `http://127.0.0.1:${chain.context.at.ports.ops}`
      staff = await visit(browser)
      page = staff.page
    })

    afterAll(async () => {
      await browser?.close()
      await chain?.stop()
    })

    const token = () => chain.context.secrets.token('viewer')
    const go = (name: string) =>
      page
        .getByRole('navigation', { name: 'Pages', exact: true })
        .getByRole('link', { name, exact: true })
        .click()
    const mark = (of: Page = page) => of.locator('.live').getAttribute('data-freshness')
    const status = (of: Page = page) => of.locator('p.status').getAttribute('data-status')
    const untilMark = (kind: string, of?: Page) =>
      until(
        `the mark ${kind}`,
        () => mark(of),
        (seen) => seen === kind,
      )
    /** A page that was loaded anew would have lost it. */
    const untouched = () => page.evaluate('window.sameDocument === true')

    /** Kept under docs/ when asked for. */
    async function picture(name: string, of: Page = page): Promise<void> {
      if (!process.env['LETHE_PICTURES']) return
      mkdirSync(pictures, { recursive: true })
      await of.screenshot({ path: `${pictures}${name}.png` })
    }

    it('lets nobody in with a token that is not known, and says so', async () => {
      await page.goto(`${url}/requests`)
      await page.getByLabel('Token of a service credential').fill('nobody-knows-this')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').filter({ hasText: 'not known' }).waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
      await signIn(page, `${url}/requests`, token())
      await untilMark('live')
      expect(page.url()).toBe(`${url}/requests`)
      await page.evaluate('window.sameDocument = true')
    })

    it('follows an erasure from the list to COMPLETED, by keyboard and without a reload', async () => {
      const { requestId } = await client.request(customer(1))
      followed = requestId
      const link = page.locator(`tr[data-request="${requestId}"] a`)
      await link.focus()
      await page.keyboard.press('Enter')
      await until('the completion on the screen', status, (seen) => seen === 'COMPLETED')
      const { steps } = await client.get(requestId)
      expect(await page.locator('tr[data-step]').count()).toBe(steps.length)
      const told = async (name: string) => page.locator(`td[data-mark="${name}"]`).allTextContents()
      for (const text of await told('requested')) expect(text).toMatch(/requested \d{4}-\d\d-\d\d .* UTC/)
      for (const text of await told('erased')) expect(text).toMatch(/(erased|not found) \d{4}/)
      for (const text of await told('backup-clear')) expect(text).toMatch(/held until \d{4}/)
      expect((await told('probed')).filter((text) => text.includes('clean'))).toHaveLength(2)
      await page.locator('li[data-event="RequestCompleted"]').waitFor()
      expect(await untouched()).toBe(true)
      await picture('request')
    })

    it('shows an eraser that stopped, its lag and whom that endangers, until it is back', async () => {
      await go('Overview')
      await page.getByText('Nothing is stuck.').waitFor({ timeout: 60_000 })
      await chain.stopOne('eraser-cache')
      const { requestId } = await client.request(customer(2))
      const trouble = page.locator('[data-trouble="group eraser.cache"]')
      await trouble.getByText('endangers 1 request').waitFor({ timeout: 60_000 })
      expect(await trouble.textContent()).toMatch(/eraser\.cache is silent[\s\S]*1 message waiting/)
      await picture('overview')
      await trouble.getByRole('link', { name: '1 request' }).click()
      await page.locator(`tr[data-request="${requestId}"]`).getByText('stands still').waitFor()
      expect(page.url()).toBe(`${url}/at-risk?place=eraser.cache`)
      await go('Lag')
      const lag = page.locator('tr[data-group="eraser.cache"] td[data-lag]')
      await until(
        'the lag',
        () => lag.getAttribute('data-lag'),
        (seen) => Number(seen) > 0,
      )
      await picture('lag')
      await chain.restart('eraser-cache')
      await until(
        'the end of the lag',
        () => lag.getAttribute('data-lag'),
        (seen) => seen === '0',
      )
      await untilStatus(client, requestId, ['COMPLETED'])
      await go('Overview')
      await page.getByText('Nothing is stuck.').waitFor({ timeout: 60_000 })
      expect(await untouched()).toBe(true)
    })

    it('is stale while the service is away, and tells afterwards what happened meanwhile', async () => {
      const { requestId } = await client.request(customer(3, { approval: 'required' }))
      await go('Requests')
      await page.locator(`tr[data-request="${requestId}"] a`).click()
      await until('the wait for approval', status, (seen) => seen === 'AWAITING_APPROVAL')
      await chain.stopOne('ops')
      await untilMark('stale')
      await client.command(requestId, 'refuse', { ground: 'Art. 12(6)', citation: HOSTILE })
      await chain.restart('ops')
      await untilMark('live')
      await until('the refusal on the screen', status, (seen) => seen === 'REFUSED')
      expect(await untouched()).toBe(true)
      // What somebody typed into a field of the request is a text, and so is everything that is made of it.
      await page.locator('li[data-event="RequestRefused"] summary').click()
      await page.locator('li[data-event="RequestRefused"] pre').getByText('hostile.png').waitFor()
      expect(await takenForMarkup(page)).toBe(0)
    })

    it('asks again and again where no stream can be had', async () => {
      const other = await visit(browser)
      await other.page.route('**/v1/stream', (route) => route.fulfill({ status: 503, json: {} }))
      await signIn(other.page, `${url}/requests?status=COMPLETED`, token())
      await untilMark('polling', other.page)
      const { requestId } = await client.request(customer(4))
      await other.page.locator(`tr[data-request="${requestId}"]`).waitFor({ timeout: 60_000 })
      await other.context.close()
    })

    it('puts nothing into an address that could name a person', async () => {
      await go('Requests')
      await page.getByLabel('Tenant').fill('ada@example.com')
      await page.getByRole('button', { name: 'Show' }).click()
      await page.getByRole('alert').filter({ hasText: 'names a person' }).waitFor()
      expect(page.url()).toBe(`${url}/requests`)
      await page.getByLabel('Tenant').fill('acme')
      await page.getByLabel('refused').check()
      await page.getByRole('button', { name: 'Show' }).click()
      await until(
        'the refused one alone',
        () => page.locator('tr[data-request]').count(),
        (n) => n === 1,
      )
      const shared = page.url()
      expect(shared).toBe(`${url}/requests?tenantId=acme&status=REFUSED&order=received`)
      await page.goto(shared)
      await until(
        'the same list',
        () => page.locator('tr[data-request]').count(),
        (n) => n === 1,
      )
      expect(await page.getByLabel('refused').isChecked()).toBe(true)
    })

    const paths = () => [
      ['/', 'Requests by status'],
      ['/lag', 'Partitions'],
      ['/at-risk', 'Requests at risk'],
      ['/requests', followed],
      [`/requests/${followed}`, 'RequestCompleted'],
      ['/erasers', 'shop-pg'],
      ['/gates', 'shop-pg'],
      ['/dead-letters', 'None waits.'],
    ]

    for (const scheme of ['light', 'dark'] satisfies Scheme[])
      for (const width of [360, 1440])
        it(`has no serious finding of axe and does not scroll sideways, ${scheme} at ${width} px`, async () => {
          const seen = await visit(browser, scheme, width)
          await seen.page.goto(url)
          expect(await seriousFindings(seen.page), 'sign-in').toEqual([])
          await signIn(seen.page, url, token())
          for (const [path, text] of paths() as [string, string][]) {
            await seen.page.goto(`${url}${path}`)
            await seen.page.getByText(text).filter({ visible: true }).first().waitFor()
            expect(await seriousFindings(seen.page), path).toEqual([])
            expect(await overflow(seen.page), path).toBe(0)
            if (scheme === 'dark' && width === 360 && path === '/')
              await picture('overview-narrow', seen.page)
          }
          expect(seen.faults).toEqual([])
          await seen.context.close()
        })

    it('would be found out by axe, and by the width, with a fault in it', async () => {
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

    it('is reached by keyboard: first the way past the menu, and every link shows that it has the focus', async () => {
      await page.goto(url)
      await page.getByText('Requests by status').waitFor()
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Overview')
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    })

    it('shows every text of every answer as text, and a planted element is seen', async () => {
      const other = await visit(browser)
      await signIn(other.page, url, token())
      await answerHostile(other.page)
      for (const [path] of paths() as [string, string][]) {
        await other.page.goto(`${url}${path}`)
        await other.page.getByText('hostile.png').filter({ visible: true }).first().waitFor()
        expect(await takenForMarkup(other.page), path).toBe(0)
      }
      expect(other.faults).toEqual([])
      await other.page.evaluate(`{
      const image = document.createElement('img')
      image.src = '/hostile.png'
      document.querySelector('main').append(image)
    }`)
      expect(await takenForMarkup(other.page)).toBeGreaterThan(0)
      // Were a text made into markup all the same, the page's policy would neither take nor run it.
      await expect(other.page.evaluate(`document.body.innerHTML = '<b>text</b>'`)).rejects.toThrow(
        /TrustedHTML/,
      )
      await other.context.close()
    })

    it('forgets the token on sign-out, and when the service does not take it any more', async () => {
      await page.goto(`${url}/lag`)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('Token of a service credential').waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
      await signIn(page, `${url}/lag`, token())
      await page.route('**/v1/**', (route) => route.fulfill({ status: 401, json: { title: 'expired' } }))
      await page.getByText('The session has ended').waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
      expect(staff.faults).toEqual([])
    })
  })
