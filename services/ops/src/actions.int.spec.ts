import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { RequestStandIn } from './testing/request-stand-in.js'
import { type Ops, type SignedIn, Stand, tokens } from './testing/stand.js'

const SECRET = 'ada@example.com asked a court'
let stand: Stand
let request: RequestStandIn
let ops: Ops
let officer: SignedIn
let id: string
let foreign: string

beforeAll(async () => {
  stand = await Stand.open()
  request = await RequestStandIn.start()
  ops = await stand.start({ requestUrl: request.url })
  id = await stand.request()
  foreign = await stand.request({ tenantId: 'other' })
  officer = await ops.signIn(tokens.officer)
})

afterAll(async () => {
  await stand?.close()
  await request?.stop()
})

beforeEach(() => {
  request.received.length = 0
  request.answer = { status: 200, body: { requestId: id, status: 'ON_HOLD', version: 7, secret: 'not told' } }
})

const act = (verb: string, of: SignedIn = officer, body: unknown = {}, requestId = id) =>
  ops.call(`/v1/requests/${requestId}/${verb}`, {
    method: 'POST',
    cookie: of.cookie,
    headers: { 'x-lethe-csrf': of.csrf },
    body,
  })

interface Audited {
  readonly action: string
  readonly outcome: string
  readonly credential_id: string
  readonly target: string
  readonly session_id: string | null
}

const audited = async (target: string): Promise<Audited[]> =>
  (
    await stand.pool.query<Audited>(
      'SELECT action, outcome, credential_id, target, session_id FROM audit.actions WHERE target = $1 ORDER BY id',
      [target],
    )
  ).rows

/** The outcome is written beside the answer, not before it. */
async function lastOutcome(target: string, outcome: string): Promise<Audited> {
  let rows: Audited[] = []
  await eventually(
    async () => {
      rows = await audited(target)
      return rows.at(-1)?.outcome === outcome
    },
    { deadlineMs: 10_000, late: () => new Error(`the audit ends with ${JSON.stringify(rows.at(-1))}`) },
  )
  return rows.at(-1) as Audited
}

describe('an action on a request', () => {
  it('is asked of the request service with the caller’s own credential, and told back without more than is said', async () => {
    const done = await act('hold', officer, { reason: SECRET })
    expect(done).toMatchObject({ status: 200, body: { requestId: id, status: 'ON_HOLD', version: 7 } })
    answers.acted.parse(done.body)
    expect(JSON.stringify(done.body)).not.toContain('not told')
    expect(request.received).toEqual([
      {
        path: `/v1/erasure-requests/${id}/hold`,
        authorization: `Bearer ${tokens.officer}`,
        body: { reason: SECRET },
      },
    ])
    await ops.call(`/v1/requests/${id}/release`, { method: 'POST', token: tokens.officer, body: {} })
    expect(request.received.at(-1)?.authorization).toBe(`Bearer ${tokens.officer}`)
  })

  it('is written down before it is done and with what came of it, and nothing of its words is kept here', async () => {
    // What became of the one before is written beside its answer, and may not be there yet.
    await expect.poll(async () => (await audited(id)).at(-1)?.outcome).not.toBe('asked')
    await stand.pool.query('DELETE FROM audit.actions')
    await act('hold', officer, { reason: SECRET })
    expect(await lastOutcome(id, 'done')).toMatchObject({
      action: 'hold',
      credential_id: 'officer',
      session_id: expect.any(String),
    })
    expect((await audited(id)).map(({ outcome }) => outcome)).toEqual(['asked', 'done'])
    const { rows } = await stand.pool.query('SELECT * FROM audit.actions')
    expect(JSON.stringify(rows) + stand.logText).not.toMatch(/ada@|court|token-officer/)
    expect(JSON.stringify(rows) + stand.logText).not.toContain(officer.cookie.split('=')[1])
  })

  it('is not done when it can not be written down', async () => {
    await stand.pool.query('REVOKE INSERT ON audit.actions FROM lethe_ops')
    try {
      expect((await act('hold')).status).toBe(500)
      expect(request.received).toEqual([])
    } finally {
      await stand.pool.query('GRANT INSERT ON audit.actions TO lethe_ops')
    }
  })

  it.each([
    ['viewer', 'cancel', 'operator or privacy officer or admin'],
    ['viewer', 'hold', 'privacy officer or admin'],
    ['operator', 'hold', 'privacy officer or admin'],
    ['operator', 'approve', 'privacy officer or admin'],
  ] as const)('by a %s to %s is refused, names who may, and is audited', async (role, verb, roles) => {
    const refused = await act(verb, await ops.signIn(tokens[role]))
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(String(refused.body['detail'])).toContain(roles)
    expect(request.received).toEqual([])
    expect(await lastOutcome(id, 'forbidden')).toMatchObject({ action: verb, credential_id: role })
  })

  it('on another tenant’s request is not found, as one that does not exist', async () => {
    const refused = await act('hold', officer, {}, foreign)
    const nobody = await act('hold', officer, {}, '00000000-0000-4000-8000-000000000000')
    expect(refused.status).toBe(404)
    expect(refused.body).toEqual(nobody.body)
    expect(request.received).toEqual([])
    expect(await lastOutcome(foreign, 'not_found')).toMatchObject({ credential_id: 'officer' })
  })

  it('is refused in the words of the request service', async () => {
    request.answer = {
      status: 403,
      body: { code: 'second_approval_needed', detail: 'ask another approver', errors: [1] },
    }
    expect(await act('approve')).toMatchObject({
      status: 403,
      body: { code: 'second_approval_needed', detail: 'ask another approver' },
    })
    await lastOutcome(id, 'second_approval_needed')
  })

  it('of somebody whom the request service does not know is refused, and ends no session', async () => {
    request.answer = { status: 401, body: { code: 'unauthenticated' } }
    expect(await act('hold')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await ops.call('/v1/session', { cookie: officer.cookie })).status).toBe(200)
  })

  it('of which nothing is known afterwards says so, and is not repeated', async () => {
    for (const answer of [
      { status: 500, body: { code: 'internal' } },
      { status: 200, body: 'nonsense' },
      { status: 418, body: { code: 'teapot' } },
    ]) {
      request.answer = answer
      const lost = await act('cancel')
      expect(lost).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(String(lost.body['detail'])).toContain('not known whether this was done')
    }
    expect(request.received).toHaveLength(3)
    const alone = await stand.start({ requestUrl: 'http://127.0.0.1:1' })
    const away = await alone.call(`/v1/requests/${id}/cancel`, {
      method: 'POST',
      token: tokens.operator,
      body: {},
    })
    expect(away.status).toBe(503)
  })

  it('takes only what belongs to it, and no other verb', async () => {
    expect((await act('retry', officer, { systemId: 'Not A System' })).status).toBe(400)
    expect((await act('cancel', officer, { reason: SECRET })).status).toBe(400)
    expect((await act('erase')).status).toBe(404)
    expect(JSON.stringify((await act('cancel', officer, { reason: SECRET })).body)).not.toContain('court')
    expect(request.received).toEqual([])
  })

  it('is offered by role, and by what the request is', async () => {
    const offered = async (token: string, requestId = id) =>
      (await ops.get<{ actions: string[] }>(`/v1/requests/${requestId}`, token)).body.actions
    expect(await offered(tokens.viewer)).toEqual([])
    expect(await offered(tokens.officer)).toEqual(['hold', 'extend', 'reprobe'])
    const pending = await stand.request({ planned: false })
    expect(await offered(tokens.operator, pending)).toEqual(['cancel'])
    await stand.hold(pending)
    expect(await offered(tokens.officer, pending)).toContain('release')
  })
})
