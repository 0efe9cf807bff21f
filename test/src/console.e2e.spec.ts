import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LetheClient } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { MessageProducer } from '@lethe/messaging'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildConsole } from '../../services/ops/scripts/build-console.ts'
import { overflow, seriousFindings } from './browser/axe.js'
import { findChromium, launch, type Scheme, signIn, type Visit, visit } from './browser/chromium.js'
import { answerHostile, HOSTILE, takenForMarkup } from './browser/hostile-answers.js'
import { startProvider } from './browser/identity-provider.js'
import { bulkReprobe } from './console/bulk-reprobe.js'
import { canaries } from './console/canaries.js'
import { dashboardAsked } from './console/dashboard.js'
import { eraserStopped } from './console/eraser-stopped.js'
import { overCeiling } from './console/over-ceiling.js'
import { customer, type Stage, statusOn } from './console/stage.js'
import { watching } from './console/watching.js'
import { backUpShop, restoreShop } from './demo/restore.js'
import { Chain } from './harness/chain.js'
import { until, untilStatus, untilStep } from './harness/wait.js'

/** Why an erasure is held: for the vault, and for no log, address or topic. */
const WHY = 'because-of-a-lawsuit-about-ada'

/** A store that only a person can erase from, for the end of the shop's data map. */
const ARCHIVE = `
  archive:
    kind: manual
    instructions: Take the folder out of cabinet 4, shred it, and file the protocol.
    role: operator
    within: P14D
    identifiers: [user_id, email]
    backups: [{ name: microfilm, keep: P60D }]
`

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
    /** The page of an action on many requests. */
    let bulkJob: string

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

    const token = (credential = 'viewer') => chain.context.secrets.token(credential)
    const go = (name: string) =>
      page
        .getByRole('navigation', { name: 'Pages', exact: true })
        .getByRole('link', { name, exact: true })
        .click()
    const mark = (of: Page = page) => of.locator('.live').getAttribute('data-freshness')
    const status = (of: Page = page) => statusOn(of)
    const untilMark = (kind: string, of?: Page) =>
      until(
        `the mark ${kind}`,
        () => mark(of),
        (seen) => seen === kind,
      )
    /** What an eraser that asked just before erasing was answered. */
    const decisionsFor = (requestId: string, systemId: string): Promise<string[]> =>
      withClient(chain.letheUrl, async (lethe) => {
        const { rows } = await lethe.query<{ decision: string }>(
          'SELECT decision FROM audit.clearances WHERE request_id = $1 AND system_id = $2',
          [requestId, systemId],
        )
        return rows.map(({ decision }) => decision)
      })
    /** A page that was loaded anew would have lost it. */
    const untouched = () => page.evaluate('window.sameDocument === true')

    /** Kept under docs/ when asked for. */
    async function picture(name: string, of: Page = page): Promise<void> {
      if (!process.env['LETHE_PICTURES']) return
      mkdirSync(pictures, { recursive: true })
      await of.screenshot({ path: `${pictures}${name}.png` })
    }

    const stage = (): Stage => ({ chain, client, browser, url, page, token, picture })

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
      const method = page.locator('tr[data-step="shop-pg#1"] td[data-method]')
      await method.getByText('redact 3').waitFor()
      expect(await method.textContent()).toBe('delete 5, redact 3')
      await page.locator('tr[data-attempt="shop-pg#1/initial 1"]').getByText('erased').waitFor()
      expect(await page.locator('tr[data-backups-of]').allTextContents()).toHaveLength(2)
      for (const text of await page.locator('tr[data-backups-of]').allTextContents())
        expect(text).toMatch(/clear on \d{4}/)
      await page.locator('li[data-event="RequestCompleted"]').waitFor()
      expect(await untouched()).toBe(true)
      await picture('request')
    })

    watching(stage)

    eraserStopped(stage)

    it('is stale while the service is away, and tells afterwards what happened meanwhile', async () => {
      const { requestId } = await client.request(customer(3, { approval: 'required' }))
      await go('Requests')
      await page.locator(`tr[data-request="${requestId}"] a`).click()
      await until('the wait for approval', status, (seen) => seen === 'AWAITING_APPROVAL')
      await chain.stopOne('ops')
      await untilMark('stale')
      await client.command(requestId, 'refuse', { ground: 'Art. 12(6)', citation: HOSTILE })
      await chain.restart('ops')
      // Its sessions were in its memory.
      await page.getByText('The session has ended').waitFor()
      await page.getByLabel('Token of a service credential').fill(token())
      await page.keyboard.press('Enter')
      await untilMark('live')
      await until('the refusal on the screen', status, (seen) => seen === 'REFUSED')
      expect(await untouched()).toBe(true)
      // What somebody typed into a field of the request is a text, and so is everything that is made of it.
      await page.locator('li[data-event="RequestRefused"] summary').click()
      await page.locator('li[data-event="RequestRefused"] pre').getByText('hostile.png').waitFor()
      expect(await takenForMarkup(page)).toBe(0)
    })

    it('holds an erasure that is under way, by keyboard: what came too late is said, and no word of why is kept', async () => {
      const officer = await visit(browser)
      await signIn(officer.page, `${url}/requests`, token('privacy-officer'))
      await chain.stopOne('eraser-shop-pg')
      const { requestId } = await client.request(customer(5))
      await untilStep(client, requestId, 'cache#1', ['COMPLETED'])
      await officer.page.locator(`tr[data-request="${requestId}"] a`).click()
      await officer.page.locator('tr[data-step="cache#1"]').getByText('completed').waitFor()
      const dialog = officer.page.getByRole('dialog')
      const button = officer.page.getByRole('button', { name: 'Hold …' })
      await button.focus()
      await officer.page.keyboard.press('Enter')
      await dialog.getByText('For this it comes too late').waitFor()
      expect(await seriousFindings(officer.page), 'the dialog').toEqual([])
      await officer.page.keyboard.press('Escape')
      expect(await officer.page.evaluate('document.activeElement.dataset.action')).toBe('hold')
      await officer.page.keyboard.press('Enter')
      for (let n = 0; n < 6; n++) {
        await officer.page.keyboard.press('Tab')
        expect(
          await officer.page.evaluate(
            'document.activeElement === document.body || document.activeElement.closest("dialog") !== null',
          ),
        ).toBe(true)
      }
      await dialog.getByLabel('Reason').fill(WHY)
      await dialog.getByRole('button', { name: 'Hold', exact: true }).press('Enter')
      await dialog.getByText('Nothing more is erased after').waitFor()
      expect(Number(await dialog.locator('[data-gone]').getAttribute('data-gone'))).toBe(1)
      expect(await dialog.textContent()).toMatch(/cache#1\/initial: erased/)
      await picture('hold', officer.page)
      await officer.page.keyboard.press('Escape')
      await until(
        'the hold on the screen',
        () => status(officer.page),
        (seen) => seen === 'ON_HOLD',
      )
      await chain.restart('eraser-shop-pg')
      await until(
        'the question of the eraser',
        () => decisionsFor(requestId, 'shop-pg'),
        (decisions) => decisions.length > 0,
      )
      expect(await decisionsFor(requestId, 'shop-pg')).not.toContain('go')
      const held = await client.get(requestId)
      expect(held.status).toBe('ON_HOLD')
      expect(held.steps.find(({ stepId }) => stepId === 'shop-pg#1')?.status).not.toBe('COMPLETED')

      await officer.page.getByRole('button', { name: 'Release …' }).click()
      const release = dialog.getByRole('button', { name: 'Release', exact: true })
      await release.click()
      // Not before it was said that this can't be taken back.
      expect(await client.get(requestId)).toMatchObject({ status: 'ON_HOLD' })
      await dialog.getByLabel('I want it').press('Space')
      await release.press('Enter')
      await until(
        'the completion on the screen',
        () => status(officer.page),
        (seen) => seen === 'COMPLETED',
      )
      expect(officer.page.url()).toBe(`${url}/requests/${requestId}`)
      for (const name of ['ops', 'request'] as const)
        expect(readFileSync(chain.logFile(name), 'utf8')).not.toContain(WHY)
      expect(officer.faults).toEqual([])
      await officer.context.close()
    })

    it('offers a viewer nothing to do, and does nothing for a page of another site', async () => {
      const { requestId } = await client.request(customer(6, { approval: 'required' }))
      await page.goto(`${url}/requests/${requestId}`)
      await until('the wait for approval', status, (seen) => seen === 'AWAITING_APPROVAL')
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
        () => status(admin.page),
        (seen) => seen === 'COMPLETED',
      )
      await admin.context.close()
    })

    overCeiling(stage)

    it('acts on all of a list, by keyboard: shown first, one left out, and told what came of each', async () => {
      const officer = await visit(browser)
      const made = await Promise.all(
        [20, 21, 22].map((n) => client.request(customer(n, { approval: 'required' }))),
      )
      const [kept, ...others] = made.map(({ requestId }) => requestId) as [string, string, string]
      for (const id of [kept, ...others]) await untilStatus(client, id, ['AWAITING_APPROVAL'])
      await signIn(officer.page, `${url}/requests?status=AWAITING_APPROVAL`, token('privacy-officer'))
      await officer.page.locator(`tr[data-request="${kept}"] input[type="checkbox"]`).press('Space')
      await officer.page.getByLabel('With all that fit, without 1').selectOption('refuse')
      await officer.page.getByRole('button', { name: 'Show what it would do' }).press('Enter')
      const state = () => officer.page.locator('p.status').getAttribute('data-state')
      await until('what it would do', state, (seen) => seen === 'shown')
      await officer.page.locator('tr[data-hindrance="none"]').getByText('will be asked for').waitFor()
      expect((await client.get(others[0])).status).toBe('AWAITING_APPROVAL')
      expect(await seriousFindings(officer.page), 'a bulk action').toEqual([])
      await officer.page.getByLabel('Legal ground').fill('Art. 12(6)')
      await officer.page.getByLabel('Citation').fill(HOSTILE)
      await officer.page.getByLabel('I want it for 2 requests').press('Space')
      await officer.page.getByRole('button', { name: 'Refuse', exact: true }).press('Enter')
      await until('its end', state, (seen) => seen === 'done')
      await officer.page.locator('li[data-outcome="done"]').getByText('2 done').waitFor()
      for (const id of others) expect((await client.get(id)).status).toBe('REFUSED')
      expect((await client.get(kept)).status).toBe('AWAITING_APPROVAL')
      expect(await takenForMarkup(officer.page)).toBe(0)
      bulkJob = new URL(officer.page.url()).pathname
      expect(officer.faults).toEqual([])
      await officer.context.close()
      await client.command(kept, 'cancel', {})
    })

    it('keeps views in the address and by name, sorts, chooses columns, and gives the list as a file', async () => {
      await page.goto(`${url}/requests?view=on-hold`)
      await page.getByText('No request fits.').waitFor()
      await page.goto(`${url}/requests?tenantId=acme&columns=due,ground`)
      await page.getByRole('columnheader', { name: 'Ground' }).waitFor()
      expect(await page.getByRole('columnheader', { name: 'Regime' }).count()).toBe(0)
      await page.getByRole('link', { name: 'Due', exact: true }).click()
      const due = page.getByRole('columnheader', { name: 'Due' })
      await until(
        'the order',
        () => due.getAttribute('aria-sort'),
        (seen) => seen === 'ascending',
      )
      await page.getByLabel('Name of this view').fill('Due of acme')
      await page.keyboard.press('Enter')
      await go('Overview')
      await go('Requests')
      await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Due of acme' }).click()
      expect(page.url()).toBe(`${url}/requests?tenantId=acme&order=due&columns=due%2Cground`)
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'as CSV' }).click(),
      ])
      const lines = readFileSync(await download.path(), 'utf8')
        .trim()
        .split('\r\n')
      expect(lines.length - 1).toBe(await page.locator('tr[data-request]').count())
      expect(lines.join()).not.toContain('example.com')
      await page.getByRole('button', { name: 'Forget the view Due of acme' }).click()
      expect(await page.evaluate('localStorage.length')).toBe(0)
    })

    it('finds a poisoned message, shows what may be shown of it, and redrives it by keyboard', async () => {
      const kafka = {
        brokers: chain.context.at.brokers,
        clientId: 'lethe-test',
        topicPrefix: chain.topicPrefix,
      }
      const producer = new MessageProducer({ kafka })
      await producer.sendRaw([
        {
          topic: 'erasure.requested',
          key: 'poison',
          value: Buffer.from(`${WHY} ${HOSTILE}`),
          headers: { systems: ',cache,', note: HOSTILE },
        },
      ])
      await producer.disconnect()
      const operator = await visit(browser)
      await signIn(operator.page, url, token('operator'))
      const trouble = operator.page.locator('[data-trouble="dead-letters"]')
      await trouble.waitFor({ timeout: 60_000 })
      await operator.page.goto(`${url}/dead-letters?group=eraser.cache`)
      const letter = operator.page.locator('tr[data-letter]')
      await letter.getByText('undecodable').waitFor()
      const dialog = operator.page.getByRole('dialog')
      await letter.getByRole('button', { name: 'Look …' }).press('Enter')
      await dialog.getByText('could not be decoded').waitFor()
      expect(await dialog.textContent()).toContain('dlq-code: undecodable')
      expect(await seriousFindings(operator.page), 'the look').toEqual([])
      expect(await operator.page.content()).not.toContain(WHY)
      await operator.page.keyboard.press('Escape')

      const before = await letter.getAttribute('data-letter')
      await letter.getByRole('button', { name: 'Redrive …' }).press('Enter')
      await dialog.getByText('1 message would be sent again to eraser.cache').waitFor()
      expect(await seriousFindings(operator.page), 'the redrive').toEqual([])
      await dialog.getByRole('button', { name: 'Redrive', exact: true }).press('Enter')
      await dialog.getByText('1 message sent again').waitFor()
      await operator.page.keyboard.press('Escape')
      // Its cause is still there, so it comes back with its count.
      await operator.page.locator('tr[data-redrives="1"]').waitFor({ timeout: 60_000 })
      expect(await letter.count()).toBe(1)
      expect(await letter.getAttribute('data-letter')).not.toBe(before)
      await page.goto(`${url}/dead-letters`)
      await page.getByText('for operators').first().waitFor()
      await operator.context.close()
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

    it('watches a restore until the gate opens: why it is shut, who may decide, and what came of it', async (context) => {
      // Only the owner of a database can shut its gate.
      await withClient(chain.pgUrl, (shop) =>
        shop.query(
          `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO shop_restore', current_database()); END $$`,
        ),
      )
      const backup = await backUpShop(chain.context)
      if (backup === null) return context.skip('There is no pg_dump here.')
      const restoreService = async (path: string, credential = 'operator') => {
        const response = await fetch(`http://127.0.0.1:${chain.context.at.ports.restore}${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token(credential)}`, 'content-type': 'application/json' },
          body: '{}',
        })
        expect(response.status, await response.text()).toBe(200)
      }
      const { requestId } = await client.request(customer(8))
      await untilStatus(client, requestId, ['COMPLETED'])
      // Somebody's data has to be kept since: the copy that holds it may not open by itself.
      await client.command(requestId, 'hold', {})
      await go('Restores')
      const gate = page.locator('tr[data-gate="shop-pg"]')
      const standing = (of: string) =>
        until(
          `the gate ${of}`,
          () => gate.getAttribute('data-standing'),
          (seen) => seen === of,
        )
      await standing('open')
      await page.evaluate('window.sameDocument = true')
      await restoreShop(backup, chain.context)
      backup.drop()
      await standing('shut')
      const waiting = page.locator('li[data-phase="waiting"]')
      await waiting.locator('[data-reason="held"]').waitFor({ timeout: 60_000 })
      expect(await waiting.textContent()).toMatch(/Release their holds/)
      expect(await seriousFindings(page), 'a gate that is shut').toEqual([])
      await picture('restores')
      await client.command(requestId, 'release', {})
      const restoreId = await waiting.getAttribute('data-restore')
      await restoreService(`/v1/restores/${restoreId}/retry`)
      await standing('open')
      const past = page.locator(`tr[data-restore="${restoreId}"]`)
      await past.getByText('opened').waitFor()
      await past.getByText('replay', { exact: true }).waitFor()
      expect(await page.locator('[data-phase="waiting"]').count()).toBe(0)
      expect(await untouched()).toBe(true)
    })

    it('puts nothing into an address that could name a person', async () => {
      await go('Requests')
      await page.getByLabel('Tenant', { exact: true }).fill('ada@example.com')
      await page.getByRole('button', { name: 'Show' }).click()
      await page.getByRole('alert').filter({ hasText: 'names a person' }).waitFor()
      expect(page.url()).toBe(`${url}/requests`)
      await page.getByLabel('Tenant', { exact: true }).fill('acme')
      await page.getByLabel('refused').check()
      await page.getByRole('button', { name: 'Show' }).click()
      await until(
        'the refused ones alone',
        () => page.locator('tr[data-request]').count(),
        (n) => n === 3,
      )
      const shared = page.url()
      expect(shared).toBe(`${url}/requests?tenantId=acme&status=REFUSED&order=received`)
      await page.goto(shared)
      await until(
        'the same list',
        () => page.locator('tr[data-request]').count(),
        (n) => n === 3,
      )
      expect(await page.getByLabel('refused').isChecked()).toBe(true)
    })

    it('finds a person’s requests and the sources that hold them, and neither an address nor a log tells whom', async () => {
      const person = customer(9)
      const { requestId } = await client.request(customer(9, { approval: 'required' }))
      const email = person.identifiers[0]?.value ?? ''
      const officer = await visit(browser)
      const asked: string[] = []
      officer.page.on('request', (request) => asked.push(request.url()))
      await signIn(officer.page, `${url}/requests`, token('privacy-officer'))
      const button = officer.page.getByRole('button', { name: 'Find a person’s requests …' })
      await button.press('Enter')
      const dialog = officer.page.getByRole('dialog')
      await dialog.getByLabel('Tenant of the person').fill('acme')
      await dialog.getByLabel('Its value').fill('nobody-at-all@example.com')
      expect(await seriousFindings(officer.page), 'the dialog').toEqual([])
      await officer.page.keyboard.press('Enter')
      await dialog.getByText('No request was made for this person').waitFor()
      await dialog.getByLabel('Its value').fill(` ${email.toUpperCase()} `)
      await officer.page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'detached' })
      await officer.page.locator(`tr[data-request="${requestId}"]`).waitFor()
      expect(await officer.page.locator('tr[data-request]').count()).toBe(1)
      expect(officer.page.url()).toContain(`requestId=${requestId}`)

      await officer.page
        .getByRole('navigation', { name: 'Pages', exact: true })
        .getByRole('link', { name: 'Where' })
        .press('Enter')
      await officer.page.getByLabel('Tenant of the person').fill('acme')
      await officer.page.getByLabel('Its value').fill(email)
      await officer.page.keyboard.press('Enter')
      const row = (systemId: string) => officer.page.locator(`tr[data-source="${systemId}"]`)
      await row('shop-pg').getByText(email).waitFor()
      await row('shop-pg')
        .getByText(/users: 1/)
        .waitFor()
      await row('cache').getByText('user_id', { exact: true }).waitFor()
      expect(await row('cache').textContent()).not.toContain(email)
      expect(await seriousFindings(officer.page), 'where').toEqual([])
      expect(await overflow(officer.page), 'where').toBe(0)
      await picture('where', officer.page)

      await chain.stopOne('probe-cache')
      await officer.page.getByRole('button', { name: 'Look' }).press('Enter')
      await officer.page.getByText('nobody could look into cache').waitFor({ timeout: 30_000 })
      await chain.restart('probe-cache')
      // Away and back: nothing of the person is still there.
      await officer.page.getByRole('link', { name: 'Overview' }).click()
      await officer.page.goBack()
      expect(await officer.page.getByLabel('Its value').inputValue()).toBe('')
      expect(await officer.page.locator('[data-source]').count()).toBe(0)
      expect(asked.filter((address) => /customer9|nobody-at-all|%40/i.test(address))).toEqual([])
      for (const name of ['ops', 'request', 'probe-shop-pg'] as const)
        expect(readFileSync(chain.logFile(name), 'utf8').toLowerCase(), name).not.toContain(
          email.toLowerCase(),
        )
      expect(officer.faults).toEqual([])
      await officer.context.close()
      await page.goto(`${url}/where`)
      await page.getByText('for privacy officers and administrators').waitFor()
    })

    canaries(stage)

    dashboardAsked(stage)

    const paths = () => [
      ['/', 'Requests by status'],
      ['/lag', 'Partitions'],
      ['/at-risk', 'Requests at risk'],
      ['/requests', followed],
      [bulkJob, 'What came of each'],
      ['/bulk', 'refuse'],
      [`/requests/${followed}`, 'RequestCompleted'],
      ['/verification', 'clean'],
      ['/erasers', 'shop-pg'],
      ['/gates', 'shop-pg'],
      ['/restores', 'shop-pg'],
      ['/where', 'Where'],
      ['/data-map', 'activity_logs'],
      ['/dead-letters', 'undecodable'],
    ]

    for (const scheme of ['light', 'dark'] satisfies Scheme[])
      for (const width of [360, 1440, 1920])
        it(`has no serious finding of axe and does not scroll sideways, ${scheme} at ${width} px`, async () => {
          const seen = await visit(browser, scheme, width)
          await seen.page.goto(url)
          expect(await seriousFindings(seen.page), 'sign-in').toEqual([])
          await signIn(seen.page, url, token('privacy-officer'))
          for (const [path, text] of paths() as [string, string][]) {
            await seen.page.goto(`${url}${path}`)
            await seen.page.getByText(text).filter({ visible: true }).first().waitFor()
            expect(await seriousFindings(seen.page), path).toEqual([])
            expect(await overflow(seen.page), path).toBe(0)
            if (scheme === 'light' && width === 1920 && path === '/verification')
              await picture('verification', seen.page)
            if (scheme === 'dark' && width === 360 && path === '/')
              await picture('overview-narrow', seen.page)
          }
          await seen.page.goto(`${url}/requests/${followed}`)
          await seen.page.getByRole('button', { name: 'Hold' }).click()
          await seen.page.getByRole('dialog').waitFor()
          expect(await seriousFindings(seen.page), 'a dialog').toEqual([])
          expect(await overflow(seen.page), 'a dialog').toBe(0)
          expect(seen.faults).toEqual([])
          await seen.context.close()
        })

    it('has a probe look again from the matrix, by keyboard, and shows what it found', async () => {
      const operator = await visit(browser)
      await signIn(operator.page, `${url}/verification`, token('operator'))
      const checkedAt = async () => {
        const { systems } = await client.get(followed)
        return systems.find(({ systemId }) => systemId === 'shop-pg')?.probe?.checkedAt ?? 0
      }
      const before = await checkedAt()
      await operator.page.locator(`[data-look="${followed}"]`).press('Enter')
      const dialog = operator.page.getByRole('dialog')
      await dialog.getByLabel('System').selectOption('shop-pg')
      expect(await seriousFindings(operator.page), 'the dialog').toEqual([])
      await dialog.getByRole('button', { name: 'Look again' }).press('Enter')
      await dialog.waitFor({ state: 'detached' })
      await operator.page.getByText('asked shop-pg').waitFor()
      await until('another look', checkedAt, (at) => at > before)
      expect(await client.get(followed)).toMatchObject({ status: 'COMPLETED' })
      await page.goto(`${url}/verification`)
      await page.locator(`tr`).filter({ hasText: followed }).waitFor()
      expect(await page.locator('[data-look]').count()).toBe(0)
      await operator.context.close()
    })

    bulkReprobe(stage)

    it('shows the data map as a graph, and what is found when probes hold it against the stores', async () => {
      const operator = await visit(browser)
      await signIn(operator.page, `${url}/data-map`, token('operator'))
      for (const step of ['cache#1', 'shop-pg#1', 'cache#2'])
        await operator.page.locator(`[data-node="${step}"]`).waitFor()
      const users = operator.page.locator('tr[data-element="users"]')
      expect(await users.textContent()).toMatch(/shop-pg.*delete.*contract/)
      await operator.page.getByRole('link', { name: 'version 1' }).press('Enter')
      expect(operator.page.url()).toBe(`${url}/data-map?version=1`)
      await operator.page.locator('[data-version="1"]').getByText('in force').waitFor()
      await operator.page.getByRole('button', { name: 'Check the map' }).press('Enter')
      await operator.page.locator('[data-checked]').waitFor({ timeout: 60_000 })
      expect(await operator.page.locator('[data-checked]').textContent()).toMatch(
        /\d+ findings? in version 1/,
      )
      expect(await seriousFindings(operator.page), 'the check').toEqual([])
      await picture('data-map', operator.page)
      await chain.stopOne('probe-cache')
      await operator.page.getByRole('button', { name: 'Check the map' }).press('Enter')
      await operator.page.getByText('nobody could look into cache').waitFor({ timeout: 60_000 })
      await operator.page.locator('tr[data-finding="probe_unreachable"]').waitFor()
      await chain.restart('probe-cache')
      expect(operator.faults).toEqual([])
      await operator.context.close()
      await page.goto(`${url}/data-map`)
      await page.getByText('The check is for operators').waitFor()
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
      await other.page.goto(`${url}/requests/${followed}`)
      const actions = other.page.getByRole('region', { name: 'Actions' }).getByRole('button')
      await actions.first().waitFor()
      for (let n = 0; n < 8; n++) {
        await actions.nth(n).click()
        await other.page.getByRole('dialog').waitFor()
        expect(await takenForMarkup(other.page), `action ${n}`).toBe(0)
        if (n === 2) {
          await other.page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click()
          await other.page.locator('[data-held]').waitFor()
          expect(await takenForMarkup(other.page), 'the answer to a hold').toBe(0)
        }
        await other.page.keyboard.press('Escape')
        await other.page.getByRole('dialog').waitFor({ state: 'detached' })
      }
      const tasks = other.page.getByRole('region', { name: 'Tasks by hand', exact: true })
      for (const name of ['Take task', 'Mark done', 'Evidence']) {
        await tasks.getByRole('button', { name }).click()
        const dialog = other.page.getByRole('dialog')
        await dialog.getByText('hostile.png').first().waitFor()
        if (name !== 'Mark done') {
          await dialog.getByRole('button', { name, exact: true }).click()
          await dialog.getByRole('button', { name: 'Close' }).waitFor()
        }
        expect(await takenForMarkup(other.page), name).toBe(0)
        await other.page.keyboard.press('Escape')
        await dialog.waitFor({ state: 'detached' })
      }
      await other.page.goto(`${url}/data-map`)
      await other.page.getByRole('button', { name: 'Check the map' }).click()
      await other.page.locator('[data-checked]').waitFor()
      expect(await takenForMarkup(other.page), 'coverage').toBe(0)
      await other.page.goto(`${url}/where`)
      await other.page.getByLabel('Tenant of the person').fill('acme')
      await other.page.getByLabel('Its value').fill('somebody')
      await other.page.getByRole('button', { name: 'Look' }).click()
      await other.page.locator('[data-source]').waitFor()
      expect(await takenForMarkup(other.page), 'where').toBe(0)
      await other.page.goto(`${url}/dead-letters`)
      for (const name of ['Look …', 'Redrive …']) {
        await other.page.getByRole('button', { name, exact: true }).click()
        await other.page.getByRole('dialog').getByText('hostile.png').first().waitFor()
        expect(await takenForMarkup(other.page), name).toBe(0)
        await other.page.keyboard.press('Escape')
        await other.page.getByRole('dialog').waitFor({ state: 'detached' })
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

    it('has no session after signing out, in another tab neither, nor when the service ends it', async () => {
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

    it('has a person do by hand what no eraser can, by keyboard, and never calls that verified', async () => {
      const { LETHE_DATA_MAP: file = '' } = chain.environment('request')
      const withArchive = chain.context.state.file('with-archive.yaml')
      writeFileSync(withArchive, readFileSync(file, 'utf8').replace(/^version: 1$/m, 'version: 2') + ARCHIVE)
      await chain.exchange('request', undefined, { LETHE_DATA_MAP: withArchive })
      const { requestId } = await client.request(customer(60))
      const operator = await visit(browser)
      await signIn(operator.page, `${url}/`, token('operator'))
      // The number leads to the list behind it.
      await operator.page.getByRole('link', { name: /^1.*with a task for a person/ }).click()
      await operator.page.locator(`tr[data-request="${requestId}"] a`).first().click()
      const row = operator.page.locator('tr[data-task="archive"]')
      await row.getByText('waits for somebody to take it').waitFor()
      await row.getByText('cabinet 4').waitFor()
      const dialog = operator.page.getByRole('dialog')
      await row.getByRole('button', { name: 'Take task …' }).press('Enter')
      expect(await seriousFindings(operator.page), 'taking a task').toEqual([])
      await dialog.getByRole('button', { name: 'Take task', exact: true }).press('Enter')
      await dialog.locator('[data-whom]').getByText('customer60@example.com').waitFor()
      expect(await seriousFindings(operator.page), 'whom it is about').toEqual([])
      await picture('task', operator.page)
      expect(await overflow(operator.page), 'whom it is about').toBe(0)
      await operator.page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      expect(await operator.page.content()).not.toContain('customer60@example.com')

      // The others are erased and probed meanwhile; a hold comes before the person is back from the archive.
      await until(
        'the probes of the others',
        () => client.get(requestId),
        ({ systems }) => systems.filter(({ verified }) => verified).length === 2,
      )
      await client.command(requestId, 'hold', {})
      await until(
        'the hold on the screen',
        () => status(operator.page),
        (seen) => seen === 'ON_HOLD',
      )
      await row.getByText('must not be done now').waitFor()
      await row.getByRole('button', { name: 'Mark done …' }).press('Enter')
      await dialog.getByText('recorded all the same').waitFor()
      await dialog.getByLabel('How many records').fill('2')
      await dialog.getByLabel('Evidence').fill(`protocol ${WHY}`)
      await dialog.getByLabel('Note').fill(HOSTILE)
      await dialog.getByLabel('I did it').press('Space')
      expect(await seriousFindings(operator.page), 'marking a task done').toEqual([])
      await dialog.getByRole('button', { name: 'Mark done', exact: true }).press('Enter')
      await dialog.waitFor({ state: 'detached' })
      await row.getByText('while a hold was in force').waitFor()
      await client.command(requestId, 'release', {})
      await until(
        'the completion on the screen',
        () => status(operator.page),
        (seen) => seen === 'COMPLETED',
      )
      await row.getByText('attested, not probed').waitFor()
      expect(
        await operator.page.locator('tr[data-step="archive#1"] td[data-mark="probed"]').textContent(),
      ).toContain('nobody can look')
      const view = await client.get(requestId)
      expect(view.attested).toEqual(['archive'])
      expect(view.systems.find(({ systemId }) => systemId === 'archive')).toMatchObject({
        status: 'ATTESTED',
        verified: false,
        probe: null,
      })
      // Nobody misses an eraser there.
      await operator.page.goto(`${url}/erasers`)
      await operator.page.locator('tr[data-group="eraser.cache"]').waitFor()
      expect(await operator.page.locator('tr[data-group="eraser.archive"]').count()).toBe(0)
      const officer = await visit(browser)
      await signIn(officer.page, `${url}/requests/${requestId}`, token('privacy-officer'))
      await officer.page.getByRole('button', { name: 'Evidence …' }).press('Enter')
      const read = officer.page.getByRole('dialog')
      await read.getByRole('button', { name: 'Evidence', exact: true }).press('Enter')
      await read.getByText(`protocol ${WHY}`).waitFor()
      expect(await takenForMarkup(officer.page)).toBe(0)
      for (const name of ['ops', 'request', 'aggregator'] as const)
        for (const secret of [WHY, 'customer60@'])
          expect(readFileSync(chain.logFile(name), 'utf8'), name).not.toContain(secret)
      expect([...operator.faults, ...officer.faults]).toEqual([])
      await Promise.all([operator, officer].map(({ context }) => context.close()))
    })

    it('lets people in by the identity provider, who then act as themselves, and nobody without a role', async () => {
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
  })
