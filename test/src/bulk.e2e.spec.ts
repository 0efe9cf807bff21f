import { readFileSync } from 'node:fs'
import { withClient } from '@lethe/infra'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildConsole } from '../../services/ops/scripts/build-console.ts'
import { seriousFindings } from './browser/axe.js'
import { findChromium, launch, signIn, type Visit, visit } from './browser/chromium.js'
import { Chain } from './harness/chain.js'
import { until } from './harness/wait.js'

/** As many as one action on many requests may have. */
const COUNT = 10_000
const AT_ONCE = 48
/** Requests that ops asks for at once: of so many nobody knows after a kill -9. */
const IN_FLIGHT = 6
/** Kept sealed; in no log and no row of the console's. */
const WHY = 'because-a-court-wants-all-of-them'

const program = findChromium()

if (program === null)
  it('a Chromium can be had', (context) =>
    context.skip('There is no Chromium here: install the package chromium, or name one in CHROMIUM.'))
else
  describe('an action on ten thousand requests', () => {
    let chain: Chain
    let browser: Browser
    let officer: Visit
    let page: Page
    let url: string

    beforeAll(async () => {
      await buildConsole()
      browser = await launch(program as string)
      chain = await Chain.start({ ops: true })
      url = `http://127.0.0.1:${chain.context.at.ports.ops}`
      officer = await visit(browser)
      page = officer.page
    })

    afterAll(async () => {
      await browser?.close()
      await chain?.stop()
    })

    /** Real requests of people of their own, whose erasure begins in two weeks. */
    async function made(): Promise<string[]> {
      const client = chain.client()
      const ids: string[] = []
      let next = 0
      const caller = async () => {
        while (next < COUNT) {
          const value = `somebody${next++}`
          const { requestId } = await client.request({
            tenantId: 'acme',
            identifiers: [{ type: 'user_id', value }],
            requesterRole: 'self',
            identity: { method: 'signed_in_session' },
            graceDays: 14,
          })
          ids.push(requestId)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, caller))
      return ids
    }

    const token = () => chain.context.secrets.token('privacy-officer')
    const state = () => page.locator('p.status').getAttribute('data-state')
    const ended = async () => Number(await page.locator('[data-ended]').getAttribute('data-ended'))
    const lethe = <T extends object>(sql: string, values: unknown[]): Promise<T[]> =>
      withClient(chain.letheUrl, async (client) => (await client.query(sql, values)).rows as T[])

    /** kill -9 of the service once `from` were asked for; whoever comes back is told plainly, and how many are left. */
    async function interrupted(from: number): Promise<number> {
      await until('some of them', ended, (n) => n > from, 300_000)
      await chain.crash('ops')
      await page.locator('.live[data-freshness="stale"]').waitFor({ timeout: 30_000 })
      await chain.restart('ops')
      await page.getByText('The session has ended').waitFor({ timeout: 30_000 })
      await page.getByLabel('Token of a service credential').fill(token())
      await page.keyboard.press('Enter')
      await until('the interruption on the screen', state, (seen) => seen === 'interrupted')
      const told = page.getByRole('alert').filter({ hasText: 'It was interrupted' })
      expect(await told.textContent()).toMatch(
        /the service that did it has ended\. \d[\d ]* requests were not asked for/,
      )
      const done = await ended()
      expect(done).toBeGreaterThan(from)
      expect(done).toBeLessThan(COUNT)
      return COUNT - done
    }

    /** Sent off by keyboard, with the reason given anew: it was kept nowhere. */
    async function wish(count: number, button: string): Promise<void> {
      await page.getByLabel('Reason (kept sealed)').fill(WHY)
      await page.getByLabel(`I want it for ${grouped(count)} requests`).press('Space')
      await page.getByRole('button', { name: button, exact: true }).press('Enter')
    }

    it('is killed twice, tells so, goes on where it was when somebody resumes it, and does it once to each', async () => {
      const ids = await made()
      await signIn(page, `${url}/requests?tenantId=acme`, token())
      await page.getByLabel('With all that fit').selectOption('hold')
      await page.getByRole('button', { name: 'Show what it would do' }).press('Enter')
      await until('what it would do', state, (seen) => seen === 'shown')
      expect(await lethe('SELECT 1 FROM events.events WHERE type = $1', ['RequestHeld'])).toEqual([])
      await wish(COUNT, 'Hold')

      for (const from of [300, 4_000]) {
        const left = await interrupted(from)
        expect(await seriousFindings(page), 'an interrupted action').toEqual([])
        const asked = Number(await page.locator('[data-outcome="not_known"]').count())
        expect(asked).toBeLessThanOrEqual(1)
        const unknown =
          asked === 0
            ? 0
            : Number.parseInt((await page.locator('[data-outcome="not_known"]').textContent()) ?? '', 10)
        expect(unknown).toBeLessThanOrEqual(IN_FLIGHT)
        await wish(left + unknown, 'Resume')
        await until('going on', state, (seen) => seen === 'running')
      }

      await until('its end', state, (seen) => seen === 'done', 300_000)
      await page
        .locator('li[data-outcome="done"]')
        .getByText(`${grouped(COUNT)} done`)
        .waitFor()
      const held = await lethe<{ id: string; times: number }>(
        `SELECT stream_id AS id, count(*)::int AS times FROM events.events WHERE type = 'RequestHeld' GROUP BY 1`,
        [],
      )
      expect(held.filter(({ times }) => times !== 1)).toEqual([])
      expect(held.map(({ id }) => id).sort()).toEqual(ids.sort())
      expect((await chain.client().get(ids[0] as string)).status).toBe('ON_HOLD')
    }, 900_000)

    it('is in the audit: who asked for each, what came of it, and each time it was begun', async () => {
      const jobId = new URL(page.url()).pathname.split('/').at(-1)
      const rows = await lethe<{ outcome: string; targets: number; by: string }>(
        `SELECT outcome, count(DISTINCT target)::int AS targets, min(credential_id) AS by FROM audit.actions
         WHERE action = 'hold' GROUP BY outcome`,
        [],
      )
      const of = (outcome: string) => rows.find((row) => row.outcome === outcome)
      expect(of('asked')).toEqual({ outcome: 'asked', targets: COUNT, by: 'privacy-officer' })
      // What came of a few was not written down any more when it was killed; that they were asked for was.
      expect(of('done')?.targets).toBeGreaterThanOrEqual(COUNT - 4 * IN_FLIGHT)
      expect(rows.map(({ outcome }) => outcome).sort()).toEqual(['asked', 'done'])
      const begun = await lethe<{ outcome: string }>(
        `SELECT outcome FROM audit.actions WHERE action = 'bulk_hold' AND target = $1 ORDER BY at`,
        [jobId],
      )
      const outcomes = begun.map(({ outcome }) => outcome)
      expect(outcomes.filter((outcome) => outcome === 'asked')).toHaveLength(3)
      expect(outcomes.at(-1)).toBe('finished')
    })

    it('keeps the reason out of every log and of what the console keeps', async () => {
      for (const name of ['ops', 'request', 'aggregator'] as const)
        expect(readFileSync(chain.logFile(name), 'utf8'), name).not.toContain(WHY)
      const kept = await lethe<{ n: number }>(
        `SELECT ((SELECT count(*) FROM ops.bulk_jobs AS j WHERE j::text LIKE $1)
               + (SELECT count(*) FROM ops.bulk_items AS i WHERE i::text LIKE $1)
               + (SELECT count(*) FROM audit.actions AS a WHERE a::text LIKE $1))::int AS n`,
        [`%${WHY}%`],
      )
      expect(kept).toEqual([{ n: 0 }])
      expect(officer.faults).toEqual([])
    })
  })

const grouped = (n: number): string => n.toLocaleString('en-GB').replaceAll(',', ' ')
