import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { io, type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const keyword = { type: 'keyword' }
/** As Elasticsearch maps text by itself. */
const text = { type: 'text', fields: { keyword: { type: 'keyword' } } }
const map = [
  { name: 'people', by: 'user_id', method: 'delete' },
  { name: 'found', by: 'who', method: 'redact', set: { who: null } },
  { name: 'rooms', by: 'members.id', method: 'redact', pull: 'members' },
  { name: 'letters', by: 'to', identifier: 'email', method: 'delete' },
]

/** Ids a careless query reads as somebody else's, or as everybody's. */
const ids = [
  'u1',
  'u10',
  'u1:x',
  'U1',
  'u1*',
  '*',
  'u?',
  '?',
  '%',
  'u_',
  'u[0-9]',
  '/u.*/',
  'u1 OR u10',
  'user_id:u1',
  '../u1',
  '"u1"',
  "u1' OR '1'='1",
  '{"match_all":{}}',
  'u1\\',
  ' u1 ',
  'u1\n',
  'u1\0',
  'u1\u202e0',
  'u1\u200b',
  '\u03c51',
  '\uff55\uff11',
  'jos\u00e9',
  'jose\u0301',
  'null',
  '_all',
  '9007199254740992',
  '9007199254740993',
  'x'.repeat(10_240),
  'x'.repeat(10_241),
]
/** Longer than a keyword surely holds in UTF-8: refused, for it might be there and not be found. */
const isTooLong = (id: string) => id.length > 8_191
/** A text with blanks around an id is that id's to the probe, which rather looks twice. */
const spoken = ids.filter((id) => id === id.trim())
/** Addresses that are nearly one another's. `\u212a` is the Kelvin sign, a K to careless folding. */
const addresses = [
  'kim@example.test',
  '\u212aim@example.test',
  'k_m@example.test',
  'k*m@example.test',
  'zo\u00eb@example.test',
  'zoe\u0308@example.test',
  'ZO\u00cb@example.test',
  'zoe@example.test',
]

/** Somebody is erased beside people whose ids and addresses look like theirs, in documents of their own and shared ones. */
export function twinsSpecials(server: () => SearchServer): void {
  let store: LoneStore
  const indices = ['people', 'found', 'rooms', 'letters'] as const
  /** Everything, as the texts of its documents. */
  const everything = async () => {
    const docs = await Promise.all(indices.map((name) => store.docs(name)))
    return docs.map(asTexts)
  }
  const member = (id: string) => ({ id, name: `called ${id}` })

  /** What is to be left, made without the connector. */
  function without(gone: readonly string[], mails: readonly string[]) {
    const left = (all: readonly string[], lost: readonly string[]) => all.filter((one) => !lost.includes(one))
    const docs = [
      [
        ...left(ids, gone).map((user_id) => ({ tenant_id: 'acme', user_id })),
        { tenant_id: 'globex', user_id: 'u1' },
      ],
      spoken.map((who) => ({ tenant_id: 'acme', who: gone.includes(who) ? null : who })),
      [
        { tenant_id: 'acme', members: left(ids, gone).map(member) },
        ...ids.slice(1).map((id, at) => ({
          tenant_id: 'acme',
          members: left([ids[at] ?? '', id], gone).map(member),
        })),
      ],
      left(addresses, mails).map((to) => ({ tenant_id: 'acme', to })),
    ]
    return docs.map(asTexts)
  }

  async function seed() {
    const put = (name: string, docs: readonly unknown[]) =>
      store.call(
        'POST',
        `/${name}/_bulk?refresh=true`,
        docs.flatMap((doc) => [{ index: {} }, doc]),
      )
    const answers = await Promise.all(
      without([], []).map((docs, at) =>
        put(
          indices[at] ?? '',
          docs.map((doc) => JSON.parse(doc) as unknown),
        ),
      ),
    )
    expect(answers.map(({ errors }) => errors)).toEqual([false, false, false, false])
  }

  describe('beside look-alikes, in documents of their own and shared ones', () => {
    beforeEach(async () => {
      store = await openLoneStore(server())
      await store.index('people', { tenant_id: keyword, user_id: keyword })
      await store.index('found', { tenant_id: keyword, who: text })
      await store.index('rooms', {
        tenant_id: keyword,
        members: { properties: { id: keyword, name: keyword } },
      })
      await store.index('letters', { tenant_id: keyword, to: text })
    })
    afterEach(() => store.close())

    it('each is erased alone, and found again by the probe until then', { timeout: 240_000 }, async () => {
      await seed()
      expect(await everything()).toEqual(without([], []))
      const session = await store.open(map)
      const gone: string[] = []
      // The first alone, so that all the others are there to be hit; then two at a time, in one batch.
      for (const batch of [
        ['u1'],
        ['*', 'u1:x'],
        ...pairs(ids.filter((id) => !['u1', '*', 'u1:x'].includes(id))),
      ]) {
        const outcomes = await session.erase(
          batch.map((user_id) => passOf({ user_id })),
          io(),
        )
        expect(
          outcomes.map(({ outcome }) => outcome),
          JSON.stringify(batch).slice(0, 80),
        ).toEqual(batch.map((id) => (isTooLong(id) ? 'failed' : 'erased')))
        gone.push(...batch.filter((id) => !isTooLong(id)))
        expect(await everything(), JSON.stringify(batch).slice(0, 80)).toEqual(without(gone, []))
      }
    })

    it('the probe tells them apart as well', { timeout: 120_000 }, async () => {
      await seed()
      const session = await store.open(map)
      await session.erase([passOf({ user_id: 'u1' }), passOf({ user_id: 'jos\u00e9' })], io())
      const seen = async (user_id: string) => (await store.probe(map, passOf({ user_id }))).result
      for (const id of ['u1', 'jos\u00e9', 'nobody*', 'u1?', ''])
        expect(await seen(id), id).not.toBe('residual')
      expect(await seen('u1')).toBe('clean')
      for (const id of [
        'u10',
        'u1:x',
        'U1',
        '*',
        'jose\u0301',
        'u1\0',
        '9007199254740993',
        'x'.repeat(10_240),
      ])
        expect(await seen(id), id.slice(0, 40)).toBe('residual')
    })

    it('an address leads to the one whose it is, in any case of its letters from A to Z', async () => {
      await seed()
      const session = await store.open(map)
      const gone: string[] = []
      for (const email of addresses) {
        const by = email.replace(/[a-z]/g, (letter) => letter.toUpperCase())
        const [outcome] = await session.erase([passOf({ user_id: 'nobody', email: by })], io())
        expect(outcome?.outcome, email).toBe('erased')
        gone.push(email)
        expect((await everything())[3], email).toEqual(without([], gone)[3])
      }
    })

    it('numbers beyond 2^53 are told apart, by the probe too, and never rounded', async () => {
      const long = { type: 'long' }
      await store.index('accounts', { tenant_id: keyword, owner_id: long })
      const numbers = ['9007199254740992', '9007199254740993', '1152921504606846977', '9223372036854775807']
      for (const one of numbers)
        await fetch(`http://127.0.0.1:${server().port}/accounts/_doc?refresh=true`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: `{"tenant_id":"acme","owner_id":${one}}`,
        })
      expect(await store.docs('accounts')).toHaveLength(numbers.length)
      const accounts = [{ name: 'accounts', by: 'owner_id', method: 'delete' }]
      const result = async (user_id: string) => (await store.probe(accounts, passOf({ user_id }))).result
      for (const [at, user_id] of numbers.entries()) {
        expect(await result(user_id)).toBe('residual')
        expect(await store.erase(accounts, passOf({ user_id }))).toMatchObject({
          outcome: 'erased',
          counts: { accounts: { found: 1, erased: 1 } },
        })
        expect(await store.docs('accounts')).toHaveLength(numbers.length - at - 1)
        expect(await result(user_id)).toBe('clean')
      }
      for (const user_id of ['9223372036854775808', '99999999999999999999', '1e3', '007', '0x10'])
        expect(await store.erase(accounts, passOf({ user_id })), user_id).toMatchObject({
          outcome: 'not_found',
        })
    })

    it('a query that reads an id as a pattern would be seen', async () => {
      await seed()
      const query = { wildcard: { user_id: { value: 'u1*' } } }
      const { hits } = await store.call('POST', '/people/_search', { query, size: 1_000 })
      const found = (hits as { hits: { _id: string }[] }).hits
      expect(found.length).toBeGreaterThan(5)
      await store.call(
        'POST',
        '/people/_bulk?refresh=true',
        found.map(({ _id }) => ({ delete: { _id } })),
      )
      expect((await everything())[0]).not.toEqual(without(['u1*'], [])[0])
    })
  })
}

/** Documents in an order of their own, whatever order their fields are in. */
function asTexts(docs: readonly unknown[]): string[] {
  return docs
    .map((doc) =>
      JSON.stringify(doc, (_name, value: unknown) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
          : value,
      ),
    )
    .sort()
}

function pairs(all: readonly string[]): string[][] {
  return all.flatMap((one, at) => (at % 2 ? [] : [[one, all[at + 1]].filter((id) => id !== undefined)]))
}
