import { randomUUID } from 'node:crypto'
import { withClient } from '@lethe/infra'
import { describe, expect, it } from 'vitest'
import { type Answer, Caller } from '../harness/caller.js'
import { hostilePeople, hostileValues } from './people.js'
import { expectNoEcho, expectRefusal, wellFormed } from './refusal.js'
import type { HostileStand } from './stand.js'
import { othersUntouched } from './traces.js'

const types = ['user_id', 'email', 'phone', 'vendor:stripe'] as const
const refusals = ['invalid_request', 'not_found', 'forbidden', 'map_invalid', 'illegal_transition']
const subject = (type: string, value: unknown, tenantId: unknown = 'acme') => ({
  subjectRef: randomUUID(),
  tenantId,
  identifiers: [{ type, value }],
  receivedAt: Date.now(),
})
type Counts = Record<string, { found: number }>
type Found = { type: string; value: string }[][]
const sum = (counts: Counts | undefined) =>
  Object.values(counts ?? {}).reduce((all, { found }) => all + found, 0)

/**
 * The doors behind `request`: what probes, erasers, backup tools and operators ask with. Nobody has looked at a value
 * before it comes in here. Runs first, while everybody who was seeded is there.
 */
export function innerDoors(stand: () => HostileStand): void {
  const probe = (systemId: 'shop-pg' | 'cache') => {
    const { at, secrets } = stand().chain.context
    return new Caller(`http://127.0.0.1:${at.erasers[systemId].probe}`, secrets.probeToken)
  }
  const service = (credential: string, url = stand().chain.context.at.requestUrl) =>
    new Caller(url, stand().chain.context.secrets.token(credential))
  const restores = (credential: string) =>
    service(credential, `http://127.0.0.1:${stand().chain.context.at.ports.restore}`)
  const ask = (door: Caller, path: string, body: unknown): Promise<Answer> =>
    door.call('POST', path, { body })

  describe('a probe that is asked directly', () => {
    it('counts and resolves each hostile person alone, and nobody for a hostile value', async () => {
      const { chain } = stand()
      const unchanged = await othersUntouched(chain, [])
      const shop = probe('shop-pg')
      const people = hostilePeople.map(({ userId }) => subject('user_id', userId))
      const counted = await ask(shop, '/v1/preview', { subjects: people })
      expect(counted.status, counted.text.slice(0, 300)).toBe(200)
      const results = counted.body?.results as Counts[]
      const resolved = await ask(shop, '/v1/resolve', { subjects: people })
      const persons = resolved.body?.results as Found[]
      for (const [at, { because, userId, email }] of hostilePeople.entries()) {
        expect(results[at]?.users?.found, because).toBe(1)
        expect(persons[at], because).toHaveLength(1)
        for (const one of persons[at] ?? []) {
          expect(
            one.filter(({ type }) => type === 'user_id'),
            because,
          ).toEqual([{ type: 'user_id', value: userId }])
          expect(
            one.filter(({ type }) => type === 'email'),
            because,
          ).toEqual([{ type: 'email', value: email }])
        }
      }
      const nobody = hostileValues.filter((value) => !hostilePeople.some(({ userId }) => userId === value))
      for (const systemId of ['shop-pg', 'cache'] as const)
        for (const value of nobody) {
          const subjects = types.map((type) => subject(type, value))
          for (const path of ['/v1/preview', '/v1/resolve']) {
            const answer = await ask(probe(systemId), path, { subjects })
            expectNoEcho(answer, value)
            if (systemId === 'cache' && path === '/v1/resolve') expectRefusal(answer, value, ['not_found'])
            else {
              expect(answer.status, answer.text.slice(0, 300)).toBe(200)
              const all = answer.body?.results as unknown[]
              expect(all).toHaveLength(types.length)
              if (path === '/v1/preview') expect((all as Counts[]).map(sum)).toEqual([0, 0, 0, 0])
              else expect(all).toEqual([[], [], [], []])
            }
          }
        }
      expect(await unchanged()).toBe(true)
    })

    it('finds nobody in a hostile tenant, and takes no value that is no text', async () => {
      for (const systemId of ['shop-pg', 'cache'] as const)
        for (const tenantId of [
          '',
          '*',
          '%',
          'acm_',
          'acme:user',
          'ACME',
          "acme' OR '1'='1",
          'acme\0',
          '\ud800',
        ]) {
          const answer = await ask(probe(systemId), '/v1/preview', {
            subjects: [subject('user_id', 'u2', tenantId)],
          })
          expect(answer.status, answer.text.slice(0, 300)).toBe(200)
          expect((answer.body?.results as Counts[] | undefined)?.map(sum), JSON.stringify(tenantId)).toEqual([
            0,
          ])
        }
      for (const value of [null, 9007199254740992, true, [], {}, ['u1'], { toString: 'u1' }]) {
        const answer = await ask(probe('shop-pg'), '/v1/preview', { subjects: [subject('user_id', value)] })
        expectRefusal(answer, `value":${JSON.stringify(value)}`, ['invalid_request'])
      }
      for (const body of [null, [], {}, { subjects: [] }, { subjects: null }, { subjects: [null] }])
        for (const path of ['/v1/preview', '/v1/resolve'])
          expectRefusal(await ask(probe('shop-pg'), path, body), '', ['invalid_request'])
    })

    it('describes no section with a hostile value in it, and says what is wrong without repeating it', async () => {
      const { at, secrets } = stand().chain.context
      const section = await service('eraser-shop-pg', at.requestUrl).call(
        'GET',
        '/v1/data-maps/current/systems/shop-pg',
      )
      expect(section.status, section.text).toBe(200)
      const base = section.body as { system: { body: Record<string, unknown> } }
      const of = (change: object) => ({ section: { ...base, system: { ...base.system, ...change } } })
      for (const value of hostileValues) {
        const bodies = [
          { section: { ...base, version: value } },
          { section: { ...base, tenant: value } },
          of({ systemId: value }),
          of({ kind: value }),
          of({ connection: value }),
          of({ body: value }),
        ]
        for (const body of bodies) {
          const answer = await ask(probe('shop-pg'), '/v1/describe', body)
          expectNoEcho(answer, value)
          if (answer.status === 200)
            expect(
              (answer.body?.findings as { level: string }[] | undefined)?.map(({ level }) => level),
            ).toContain('error')
          else expectRefusal(answer, value, refusals)
        }
      }
      // The name of a secret that is something else: what it holds is not told.
      const answer = await ask(probe('shop-pg'), '/v1/describe', of({ connection: 'LETHE_PROBE_TOKEN' }))
      expect(answer.text).not.toContain(secrets.probeToken)
    })
  })

  describe('a hostile value in what erasers and the restore service ask', () => {
    const counts = () =>
      withClient(stand().chain.letheUrl, async (client) => {
        const { rows } = await client.query<Record<string, string>>(
          `SELECT (SELECT count(*) FROM events.events) AS events, (SELECT count(*) FROM read_model.tombstones) AS tombstones,
             (SELECT count(*) FROM restore.suspicions) AS suspicions, (SELECT count(*) FROM restore.gates) AS gates,
             (SELECT count(*) FROM restore.restores) AS restores`,
        )
        return rows[0]
      })

    it('gets no grant and no tombstone, whichever field it is in', async () => {
      const before = await counts()
      const pass = { requestId: randomUUID(), passId: 'cache#1/initial', attempt: 1 }
      const question = { systemId: 'cache', purpose: 'erase', passes: [pass] }
      const [eraser, replaying] = [service('eraser-cache'), service('restore')]
      const page = { systemId: 'shop-pg', reason: 'restore-1', after: '', limit: 1 }
      expect((await ask(replaying, '/v1/tombstones', page)).status).toBe(200)
      for (const value of hostileValues) {
        const clear = (change: object) => ask(eraser, '/v1/clearance', { ...question, ...change })
        for (const change of [
          { systemId: value },
          { purpose: value },
          { passes: value },
          { passes: [{ ...pass, requestId: value }] },
          { passes: [{ ...pass, attempt: value }] },
          { marker: value },
          { marker: { value, receipts: value } },
          { [value || 'x']: value },
        ])
          expectRefusal(await clear(change), value, refusals)
        const named = await clear({ passes: [{ ...pass, passId: value }] })
        if (named.status === 200) expect(named.body?.results).toMatchObject([{ decision: 'never' }])
        else expectRefusal(named, value, refusals)
        for (const change of [
          { systemId: value },
          { limit: value },
          { as: value },
          { [value || 'x']: value },
        ])
          expectRefusal(await ask(replaying, '/v1/tombstones', { ...page, ...change }), value, refusals)
        for (const change of [{ reason: value }, { after: value }]) {
          // The reason stands in the audit, the last id is compared: both as the text they are.
          const answer = await ask(replaying, '/v1/tombstones', { ...page, ...change })
          expectNoEcho(answer, value)
          if (answer.status !== 200) expectRefusal(answer, value, refusals)
        }
        const text = encodeURIComponent(wellFormed(value))
        if (value.trim() !== '')
          for (const path of [`current/systems/${text}`, `${text}/systems/cache`])
            expectRefusal(await eraser.call('GET', `/v1/data-maps/${path}`), value, refusals)
      }
      for (const number of ['9007199254740993', '1e400', '-1', '1.5', 'null']) {
        const raw = JSON.stringify({ ...question, passes: [{ ...pass, attempt: 7 }] }).replace('7', number)
        expectRefusal(await eraser.call('POST', '/v1/clearance', { raw }), `attempt":${number}`, refusals)
      }
      expect(await counts()).toEqual(before)
    })

    it('shuts and opens no gate', async () => {
      const before = await counts()
      const officer = restores('privacy-officer')
      for (const value of hostileValues) {
        const text = encodeURIComponent(wellFormed(value))
        if (value.trim() !== '')
          for (const path of [`gates/${text}`, `restores/${text}`])
            expectRefusal(await officer.call('GET', `/v1/${path}`), value, refusals)
        if (value !== '')
          expectRefusal(await officer.call('GET', `/v1/restores?systemId=${text}*`), value, refusals)
        expectRefusal(await officer.call('GET', `/v1/restores?${text || 'x'}=1`), value, refusals)
        for (const change of [
          { systemId: value },
          { restoreId: `${value} ` },
          { backupId: `${value} ` },
          { gateMode: value },
          { [value || 'x']: value },
        ])
          expectRefusal(
            await ask(officer, '/v1/restores', { systemId: 'shop-pg', ...change }),
            value,
            refusals,
          )
        if (value.trim() !== '')
          for (const verb of ['open', 'retry'])
            expectRefusal(
              await ask(officer, `/v1/restores/${text}/${verb}`, { ticket: 'T1' }),
              value,
              refusals,
            )
        expectRefusal(
          await ask(officer, `/v1/restores/${randomUUID()}/open`, { ticket: `${value} ` }),
          value,
          refusals,
        )
      }
      expect(await counts()).toEqual(before)
    })
  })
}
