import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withRedis } from './harness/stores.js'
import { untilStatus } from './harness/wait.js'
import { innerDoors } from './hostile/inner-doors.js'
import { addresses, type HostilePerson, hostilePeople, hostileValues } from './hostile/people.js'
import { expectRefusal, wellFormed } from './hostile/refusal.js'
import { type HostileStand, openHostileStand } from './hostile/stand.js'
import { exactFootprint, exactSize, othersUntouched } from './hostile/traces.js'
import { askFor, type CanaryPerson } from './leak/canary.js'
import { sizeOf } from './shop/oracle.js'
import { keysOf } from './shop/seed.js'

const settled = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'AWAITING_IDENTITY', 'AWAITING_APPROVAL']
/** Rows and keys of one seeded person. */
const whole = 13

let stand: HostileStand
const customer = (n: number): CanaryPerson => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
  phone: '',
  stripe: `cus_${n}`,
})

beforeAll(async () => {
  stand = await openHostileStand()
})
afterAll(async () => {
  await stand?.close()
})

/** Asks and waits for the end; the status a refused one has is its code. */
async function erase(person: CanaryPerson, by: 'email' | 'user_id'): Promise<string> {
  const answer = await stand.http.create(askFor(person, [by]))
  if (answer.status !== 201) {
    expectRefusal(answer, by === 'email' ? person.email : person.userId, ['invalid_identifier'])
    return 'invalid_identifier'
  }
  const view = await untilStatus(stand.chain.client(), String(answer.body?.requestId), settled)
  const failed = view.steps.find(({ errorCode }) => errorCode !== null)
  return failed ? `${view.status} ${failed.errorCode}` : view.status
}

innerDoors(() => stand)

describe('a person whose id looks like something else', () => {
  it('is erased alone, or refused and left as they are, when named by that id', async () => {
    const { chain } = stand
    for (const person of hostilePeople) expect(await exactSize(chain, person), person.because).toBe(whole)
    const unchanged = await othersUntouched(
      chain,
      hostilePeople.filter(({ namable }) => namable),
    )
    const ends = await Promise.all(
      hostilePeople.map(async (person) => [person.because, await erase(person, 'user_id')] as const),
    )
    expect(ends).toEqual(
      hostilePeople.map(({ because, namable }) => [because, namable ? 'COMPLETED' : 'invalid_identifier']),
    )
    for (const person of hostilePeople.filter(({ namable }) => namable))
      expect(await exactSize(chain, person), person.because).toBe(0)
    expect(await unchanged()).toBe(true)
  })

  it('is erased alone when named by e-mail, or fails without touching anyone else', async () => {
    const { chain } = stand
    const people = hostilePeople.filter(({ namable }) => !namable)
    const unchanged = await othersUntouched(chain, people)
    const ends: Record<string, string> = {}
    const ask = async (person: HostilePerson) => {
      ends[person.because] = await erase(person, 'email')
    }
    await Promise.all(people.map(ask))
    for (const person of people) {
      const left = await exactSize(chain, person)
      if (ends[person.because] === 'COMPLETED') expect(left, person.because).toBe(0)
      else expect(ends[person.because], person.because).toMatch(/invalid_identifier/)
    }
    expect(ends).toMatchObject({ 'a glob': 'COMPLETED', 'an SQL wildcard': 'COMPLETED' })
    expect(await unchanged()).toBe(true)
  })
})

describe('a person whose id begins another’s, delimiter and all', () => {
  it('is not erased by guess: the other’s keys would be theirs as well', async () => {
    const { chain, http } = stand
    const unchanged = await othersUntouched(chain, [])
    const [longer] = hostilePeople.filter(({ userId }) => userId === 'u1:x') as [HostilePerson]
    expect((await exactFootprint(chain, longer)).keys.length).toBe(5)
    const first = { ...customer(1), tenantId: 'acme' }
    const answer = await http.create(askFor(first, ['user_id']))
    const view = await untilStatus(chain.client(), String(answer.body?.requestId), settled)
    expect(view.status).toBe('FAILED')
    expect(view.steps.map(({ errorCode }) => errorCode)).toContain('ambiguous_key')
    expect(await unchanged()).toBe(true)
  })

  it('is erased when the other’s keys are gone', async () => {
    const { chain, http } = stand
    const [longer] = hostilePeople.filter(({ userId }) => userId === 'u1:x') as [HostilePerson]
    const keys = keysOf('acme', longer.userId)
    await withRedis(chain.redisUrl, (redis) => redis.del(keys))
    const unchanged = await othersUntouched(chain, [customer(1)])
    const list = await http.call('GET', '/v1/erasure-requests?status=FAILED')
    const failed = list.body?.items as { requestId: string; attention: { code: string } }[]
    const [request] = failed.filter(({ attention }) => attention.code === 'ambiguous_key')
    await http.command(request?.requestId, 'retry', { systemId: 'cache' })
    const view = await untilStatus(chain.client(), String(request?.requestId), ['COMPLETED'])
    expect(view.status).toBe('COMPLETED')
    expect(await exactSize(chain, customer(1))).toBe(0)
    expect(await unchanged()).toBe(true)
  })
})

describe('an address that is nearly another’s', () => {
  it('leads to the one whose it is', async () => {
    const { chain } = stand
    const { underscore, quote, composed, capital } = addresses
    const people = [underscore, quote, composed, capital]
    const unchanged = await othersUntouched(chain, people)
    const decomposed = { ...composed, email: composed.email.normalize('NFD') }
    const shouted = { ...capital, email: capital.email.toUpperCase() }
    const ends = await Promise.all(
      [underscore, quote, decomposed, shouted].map((person) => erase(person, 'email')),
    )
    expect(ends).toEqual(people.map(() => 'COMPLETED'))
    for (const person of people) expect(await exactSize(chain, person), person.email).toBe(0)
    expect(await unchanged()).toBe(true)
  })
})

describe('a hostile value', () => {
  const refusals = ['invalid_identifier', 'invalid_request', 'not_found', 'unknown_tenant']

  it('is refused as an identifier of any type, in a request, a preview and a review', async () => {
    const { http, chain } = stand
    const unchanged = await othersUntouched(chain, [])
    const both = [
      ...askFor(addresses.plain, ['email']).identifiers,
      ...askFor(addresses.tagged, ['email']).identifiers,
    ]
    const review = await http.create({ ...askFor(addresses.plain, ['email']), identifiers: both })
    expect(review.body?.status).toBe('AWAITING_IDENTITY')
    for (const type of ['user_id', 'email', 'phone', 'vendor:stripe'])
      for (const value of hostileValues) {
        const identifiers = [{ type, value }]
        const asked = { ...askFor(addresses.plain, []), identifiers }
        expectRefusal(await http.create(asked), value, refusals)
        const preview = await http.call('POST', '/v1/previews', { body: { tenantId: 'acme', identifiers } })
        expectRefusal(preview, value, refusals)
        expectRefusal(await http.command(review.body?.requestId, 'approve', { identifiers }), value, refusals)
      }
    expect(await unchanged()).toBe(true)
  })

  it('is refused in every other field, or kept as the text it is', async () => {
    const { http, chain } = stand
    const unchanged = await othersUntouched(chain, [])
    const base = askFor(addresses.lookAlike, ['email'], { graceDays: 30 })
    const open = await http.create(base)
    const id = open.body?.requestId
    for (const value of hostileValues) {
      for (const field of ['tenantId', 'regime', 'requesterRole', 'ground', 'approval'])
        expectRefusal(await http.create({ ...base, [field]: value }), value, refusals)
      expectRefusal(await http.create({ ...base, identity: { method: value } }), value, refusals)
      expectRefusal(
        await http.create({ ...base, identifiers: [{ type: value, value: 'u1' }] }),
        value,
        refusals,
      )
      expectRefusal(await http.create({ ...base, [value || 'x']: value }), value, refusals)
      if (/^[\t\x20-\x7e]*$/.test(value) && !/^[\x21-\x7e]{1,200}$/.test(value.trim()))
        expectRefusal(await http.create(base, value), value, refusals)
      const text = encodeURIComponent(wellFormed(value))
      for (const query of [`status=${text}`, `dueBefore=x${text}`, `limit=${text}x`, `${text || 'x'}=1`])
        expectRefusal(await http.call('GET', `/v1/erasure-requests?${query}`), value, refusals)
      for (const end of ['', '/events', '/verification'])
        if (value.trim() !== '')
          expectRefusal(await http.call('GET', `/v1/erasure-requests/${text}${end}`), value, refusals)
      if (value.trim() !== '') expectRefusal(await http.command(text, 'cancel'), value, refusals)
      expectRefusal(await http.command(id, 'release', { holdId: value }), value, refusals)
      expectRefusal(await http.command(id, 'retry', { systemId: value }), value, [
        ...refusals,
        'illegal_transition',
      ])
      const held = await http.command(id, 'hold', { reason: value })
      if (value === '' || value.length > 4_000) expectRefusal(held, value, refusals)
      else expect(held.text.includes(value) && value.length > 3, held.text).toBe(false)
    }
    expect(await unchanged()).toBe(true)
  })

  it('that is no text is refused, and numbers beyond 2^53 are told to come as text', async () => {
    const { http } = stand
    for (const raw of [
      'null',
      'true',
      '9007199254740993',
      '1e400',
      '[]',
      '{}',
      '["u1"]',
      '{"toString":"u1"}',
    ]) {
      const body = `{"tenantId":"acme","identifiers":[{"type":"user_id","value":${raw}}]}`
      const answer = await http.call('POST', '/v1/erasure-requests', {
        raw: body,
        headers: { 'idempotency-key': 'k' },
      })
      expectRefusal(answer, raw, ['invalid_identifier'])
      expect(answer.text).toContain('type string')
    }
    const polluting =
      '{"tenantId":"acme","__proto__":{"roles":["admin"]},"identifiers":[{"type":"user_id","value":"u1"}]}'
    const answer = await http.call('POST', '/v1/erasure-requests', {
      raw: polluting,
      headers: { 'idempotency-key': 'k' },
    })
    expectRefusal(answer, polluting, ['invalid_request'])
  })
})

it('leaves whoever was not named as they were', async () => {
  const { chain } = stand
  for (const person of [addresses.underscoreTwin, addresses.quoteTwin, addresses.plain, addresses.tagged])
    expect(sizeOf(await exactFootprint(chain, person)), person.email).toBe(whole)
})

it('would be seen: one column, or one key, of someone else is enough', async () => {
  const { chain } = stand
  const { plain, tagged } = addresses
  const columns = await othersUntouched(chain, [tagged])
  await withClient(chain.pgUrl, (client) =>
    client.query("UPDATE preferences SET locale = 'de' WHERE user_id = $1", [plain.userId]),
  )
  expect(await columns()).toBe(false)
  const keys = await othersUntouched(chain, [tagged])
  await withRedis(chain.redisUrl, (redis) => redis.del('tenant:acme:cache:user:u10'))
  expect(await keys()).toBe(false)
})
