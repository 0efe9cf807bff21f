import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand({ resolutionFreshMs: 0 })
})
afterAll(() => stand.close())
beforeEach(() => {
  stand.probes.failWith = null
})

const ask = (path: 'requests' | 'where', identifiers: object[], token: string = tokens.officer, more = {}) =>
  stand.call<Record<string, unknown>>('POST', `/v1/people/${path}`, {
    token,
    body: { tenantId: 'shop', identifiers, ...more },
  })
const byEmail = (value: string) => [{ type: 'email', value }]

describe('the requests of a person', () => {
  it('are found by any of their identifiers, however it is written, and are of that person alone', async () => {
    const ada = newPerson(stand)
    const other = newPerson(stand)
    const id = await accepted(stand, askByEmail(ada.email))
    await accepted(stand, askByEmail(other.email))
    const found = await ask('requests', byEmail(ada.email.toUpperCase()))
    expect(answers.foundRequests.parse(found.body)).toEqual({ requestIds: [id], truncated: false })
    await expect
      .poll(async () => (await ask('requests', [{ type: 'user_id', value: ada.userId }])).body)
      .toEqual({ requestIds: [id], truncated: false })
    expect((await ask('requests', byEmail('nobody@example.com'))).body).toEqual({
      requestIds: [],
      truncated: false,
    })
  })

  it('are not told of another tenant, nor to who may not name people, and each look is audited without the person', async () => {
    const { email } = newPerson(stand)
    await accepted(stand, askByEmail(email))
    expect((await ask('requests', byEmail(email), tokens.other)).body).toMatchObject({
      code: 'unknown_tenant',
    })
    const elsewhere = await ask('requests', byEmail(email), tokens.all, { tenantId: 'other' })
    expect(elsewhere.body).toMatchObject({ requestIds: [] })
    for (const token of [tokens.viewer, tokens.operator, tokens.service, tokens.cacheProbe])
      for (const path of ['requests', 'where'] as const)
        expect((await ask(path, byEmail(email), token)).status, `${path} ${token}`).toBe(403)
    const { rows } = await stand.pool.query(
      "SELECT credential_id, row_to_json(c)::text AS text FROM audit.clearances c WHERE purpose = 'find_person'",
    )
    expect(rows.filter((row) => row.credential_id === 'all-tenants')).toHaveLength(1)
    expect(rows.some((row) => row.text.includes(email))).toBe(false)
    expect(stand.log()).not.toContain(email)
  })

  it('refuse a person that is badly named, without repeating it', async () => {
    const wrong = await ask('requests', byEmail('not an address'))
    expect(wrong).toMatchObject({ status: 422, body: { code: 'invalid_identifier' } })
    expect(JSON.stringify(wrong.body)).not.toContain('not an address')
    expect((await ask('requests', [])).status).toBe(400)
    expect((await ask('where', byEmail('a@example.com'), tokens.officer, { extra: 1 })).status).toBe(400)
  })
})

describe('where a person is', () => {
  it('is one row per source that holds them, with the ids that source knows them by', async () => {
    const { email, userId, vendorId } = newPerson(stand)
    const { body } = await ask('where', byEmail(email))
    const found = answers.whereabouts.parse(body)
    expect(found).toMatchObject({ without: [], unknown: [] })
    const of = (systemId: string) => found.holding.find((one) => one.systemId === systemId)
    expect(of('shop-pg')?.ids).toEqual(
      expect.arrayContaining([
        { type: 'user_id', value: userId },
        { type: 'email', value: email },
        { type: 'vendor:stripe', value: vendorId },
      ]),
    )
    // The cache's keys hold a user id and nothing else.
    expect(of('cache')?.ids).toEqual([{ type: 'user_id', value: userId }])
    expect(of('cache')?.collections).toEqual({ users: 1 })
  })

  it('is nowhere for who is nowhere, and unknown, not nowhere, while nobody can look', async () => {
    const nowhere = await ask('where', byEmail('nowhere@example.com'))
    expect(nowhere.body).toMatchObject({ holding: [], without: ['cache', 'shop-pg'], unknown: [] })
    stand.probes.failWith = 503
    const dark = await ask('where', byEmail(newPerson(stand).email))
    expect(dark.body).toMatchObject({ holding: [], without: [], unknown: ['cache', 'shop-pg'] })
  })

  it('is not told when several people are meant', async () => {
    for (const value of ['t1', 't2'])
      stand.probes.people.push({
        tenantId: 'shop',
        identifiers: [
          { type: 'user_id', value },
          { type: 'email', value: 'twins@example.com' },
        ],
      })
    const { status, body } = await ask('where', byEmail('twins@example.com'))
    expect([status, body['code']]).toEqual([409, 'ambiguous_subject'])
  })

  it('leaves a row per source in the audit and nothing else', async () => {
    const { email } = newPerson(stand)
    const { body } = await ask('where', byEmail(email))
    const { rows } = await stand.pool.query(
      "SELECT system_id FROM audit.clearances WHERE purpose = 'where' AND request_id = $1 ORDER BY 1",
      [body['whereId']],
    )
    expect(rows.map((row) => row.system_id)).toEqual(['cache', 'shop-pg'])
    expect(stand.log()).not.toContain(email)
  })
})

describe('naming people', () => {
  it('is let through so often a minute and credential, whatever is asked about them, and then says when again', async () => {
    const slow = await openStand({ peoplePerMinute: 2 })
    try {
      const call = (path: string, token: string = tokens.officer) =>
        slow.call('POST', path, { token, body: { tenantId: 'shop', identifiers: byEmail('a@example.com') } })
      // What names nobody is no question about anybody.
      const nobody = { tenantId: 'shop', identifiers: byEmail('not an address') }
      for (const path of ['/v1/previews', '/v1/people/requests', '/v1/people/where'])
        expect((await slow.call('POST', path, { token: tokens.officer, body: nobody })).status).toBe(422)
      expect((await call('/v1/people/requests')).status).toBe(200)
      expect((await call('/v1/previews')).status).toBe(200)
      for (const path of ['/v1/people/requests', '/v1/people/where', '/v1/previews']) {
        const refused = await call(path)
        expect(refused, path).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } })
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect((await call('/v1/people/requests', tokens.second)).status).toBe(200)
      expect((await slow.call('GET', '/v1/erasure-requests', { token: tokens.officer })).status).toBe(200)
    } finally {
      await slow.close()
    }
  })
})
