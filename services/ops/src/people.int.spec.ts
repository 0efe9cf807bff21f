import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { RequestStandIn } from './testing/request-stand-in.js'
import { type Ops, type SignedIn, Stand, tokens } from './testing/stand.js'

const ADA = 'ada@example.com'
let stand: Stand
let request: RequestStandIn
let ops: Ops
let officer: SignedIn
let id: string

beforeAll(async () => {
  stand = await Stand.open()
  request = await RequestStandIn.start()
  ops = await stand.start({ requestUrl: request.url })
  id = await stand.request()
  officer = await ops.signIn(tokens.officer)
})

afterAll(async () => {
  await stand?.close()
  await request?.stop()
})

beforeEach(() => {
  request.received.length = 0
  request.answer = { status: 200, body: { requestIds: [id], truncated: false, secret: 'not told' } }
})

const person = { tenantId: 'shop', identifiers: [{ type: 'email', value: ADA }] }
const ask = (path: string, of: SignedIn = officer, body: unknown = person) =>
  ops.call(`/v1/people/${path}`, {
    method: 'POST',
    cookie: of.cookie,
    headers: { 'x-lethe-csrf': of.csrf },
    body,
  })

const audited = async (action: string) =>
  (
    await stand.pool.query<{ target: string; outcome: string; credential_id: string }>(
      'SELECT target, outcome, credential_id FROM audit.actions WHERE action = $1 ORDER BY id',
      [action],
    )
  ).rows

describe('a person who is named', () => {
  it('is asked about with the caller’s own credential in a body, and told back no more than is said', async () => {
    const found = await ask('requests')
    expect(found).toMatchObject({ status: 200, body: { requestIds: [id], truncated: false } })
    answers.personRequests.parse(found.body)
    expect(JSON.stringify(found.body)).not.toContain('not told')
    expect(request.received).toEqual([
      { path: '/v1/people/requests', authorization: `Bearer ${tokens.officer}`, body: person },
    ])
    const whereabouts = {
      whereId: 'w1',
      holding: [{ systemId: 'cache', ids: [{ type: 'user_id', value: 'u1' }], collections: { keys: 2 } }],
      without: [],
      unknown: ['shop-pg'],
    }
    request.answer = { status: 200, body: whereabouts }
    const where = await ask('where')
    expect(where).toMatchObject({ status: 200, body: whereabouts })
    expect(where.headers.get('cache-control')).toBe('no-store')
    answers.where.parse(where.body)
  })

  it('is not for viewers and operators, not for another tenant, and not without the page’s token', async () => {
    for (const token of [tokens.viewer, tokens.operator]) {
      const other = await ops.signIn(token)
      for (const path of ['requests', 'where']) expect((await ask(path, other)).status, token).toBe(403)
    }
    expect((await ask('where', officer, { ...person, tenantId: 'other' })).body).toMatchObject({
      code: 'unknown_tenant',
    })
    expect((await ask('where', { ...officer, csrf: 'forged' })).status).toBe(403)
    expect((await ops.get(`/v1/people/where?email=${ADA}`, tokens.officer)).status).toBe(405)
    expect(request.received).toEqual([])
  })

  it('leaves who looked in the audit, what came of it, and nothing of the person, there or in the log', async () => {
    request.answer = { status: 409, body: { code: 'ambiguous_subject', detail: 'Name them otherwise.' } }
    expect((await ask('where')).status).toBe(409)
    await eventually(
      async () => (await audited('where')).some(({ outcome }) => outcome === 'ambiguous_subject'),
      { deadlineMs: 10_000, late: () => new Error('the outcome is not in the audit') },
    )
    expect(await audited('where')).toContainEqual({
      target: 'shop',
      outcome: 'asked',
      credential_id: 'officer',
    })
    expect(await audited('where')).toContainEqual({
      target: 'another tenant',
      outcome: 'unknown_tenant',
      credential_id: 'officer',
    })
    expect((await audited('find_person')).map(({ outcome }) => outcome)).toContain('forbidden')
    const { rows } = await stand.pool.query('SELECT row_to_json(a)::text AS text FROM audit.actions AS a')
    expect(rows.filter(({ text }) => text.includes(ADA))).toEqual([])
    expect(stand.logText).not.toContain(ADA)
  })

  it('is not known to be nowhere while the request service does not answer', async () => {
    request.answer = { status: 500, body: {} }
    expect((await ask('where')).status).toBe(503)
    request.answer = { status: 200, body: { requestIds: 'all' } }
    expect((await ask('requests')).status).toBe(503)
    const alone = await stand.start({ requestUrl: null })
    const { status } = await alone.call('/v1/people/where', {
      method: 'POST',
      token: tokens.officer,
      body: person,
    })
    expect(status).toBe(503)
  })

  it('is asked about so often a minute and credential, in all of its sessions; then it is told when again, and audited', async () => {
    const slow = await stand.start({ requestUrl: request.url, peoplePerMinute: 2 })
    const sessions = [await slow.signIn(tokens.officer), await slow.signIn(tokens.officer)]
    const name = (path: string, { cookie, csrf }: SignedIn) =>
      slow.call(`/v1/people/${path}`, {
        method: 'POST',
        cookie,
        headers: { 'x-lethe-csrf': csrf },
        body: person,
      })
    for (const session of sessions) expect((await name('requests', session)).status).toBe(200)
    for (const path of ['requests', 'where']) {
      const refused = await name(path, sessions[0] as SignedIn)
      expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } })
      const wait = Number(refused.headers.get('retry-after'))
      expect(wait).toBeGreaterThan(0)
      expect(refused.body['detail']).toContain(`Try again in ${wait} s.`)
    }
    expect(request.received).toHaveLength(2)
    expect((await slow.get('/v1/requests', tokens.officer)).status).toBe(200)
    const refused = async () =>
      (await audited('find_person')).filter(({ outcome }) => outcome === 'too_many_attempts')
    await eventually(async () => (await refused()).length > 0, {
      deadlineMs: 10_000,
      late: () => new Error('the refusal is not in the audit'),
    })
    expect(await refused()).toEqual([
      { target: 'shop', outcome: 'too_many_attempts', credential_id: 'officer' },
    ])
  })
})
