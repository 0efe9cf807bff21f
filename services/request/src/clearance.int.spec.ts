import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClearanceAnswer } from './application/clearance.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand.close())
beforeEach(() => {
  stand.probes.failWith = null
})

interface Wanted {
  requestId: string
  passId: string
  attempt: number
}
const first = (requestId: string): Wanted => ({ requestId, passId: 'cache#1/initial', attempt: 1 })

const clear = (passes: Wanted[], token: string = tokens.cacheEraser, systemId = 'cache', purpose = 'erase') =>
  stand.call<{ results: ClearanceAnswer[]; code?: string }>('POST', '/v1/clearance', {
    token,
    body: { systemId, purpose, passes },
  })
const decisionOf = async (wanted: Wanted) => (await clear([wanted])).body.results[0]
const command = (id: string, verb: string, body: object = {}) =>
  stand.call('POST', `/v1/erasure-requests/${id}/${verb}`, { body, token: tokens.officer })

describe('clearance', () => {
  it('gives a grant, its key, and the identifiers of that system only', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    const before = Date.now()
    const { status, body } = await clear([first(id)])
    expect(status).toBe(200)
    const [answer] = body.results
    expect(answer).toMatchObject({ decision: 'go', mapVersion: 1, ceilingWaived: false })
    expect(answer?.subject?.identifiers).toEqual([{ type: 'user_id', value: person.userId }])
    expect(answer?.subject).toMatchObject({ tenantId: 'shop', subjectRef: expect.any(String) })
    expect(answer?.grant?.expiresAt).toBeGreaterThan(before)
    expect(answer?.grant?.expiresAt).toBeLessThanOrEqual(Date.now() + 10_000)
    const scope = `ack|${id}|cache|cache#1/initial|1|${answer?.grant?.grantId}`
    const key = createHmac('sha256', stand.config.grantSecret).update(scope).digest('base64url')
    expect(answer?.grant?.macKey).toBe(key)
  })

  it('writes a tombstone with the vault’s sealed bytes when a system’s first grant is issued, and only then', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    const tombstones = async () =>
      (await stand.pool.query('SELECT tombstone_id FROM read_model.tombstones WHERE request_id = $1', [id]))
        .rows
    expect(await tombstones()).toEqual([])
    await clear([first(id)])
    const written = await tombstones()
    expect(written).toHaveLength(1)
    await clear([first(id)])
    expect(await tombstones()).toEqual(written)
    const { rows } = await stand.pool.query<{ payload: Buffer }>(
      `SELECT payload FROM outbox.message WHERE aggregatetype = 'erasure.tombstones' AND aggregateid = $1`,
      [written[0]?.tombstone_id],
    )
    expect(rows).toHaveLength(1)
    const entry = await stand.pool.query<{ sealed: Buffer }>(
      `SELECT sealed FROM vault.entries WHERE request_id = $1 AND system_id = 'cache'`,
      [id],
    )
    expect(rows[0]?.payload.includes(entry.rows[0]?.sealed as Buffer)).toBe(true)
  })

  it('answers a whole batch at once, each pass on its own merits and in order', async () => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, () => accepted(stand, askByEmail(newPerson(stand).email))),
    )
    await command(ids[3] as string, 'hold')
    const wanted = [...ids.map(first), first(randomUUID())]
    const { body } = await clear(wanted)
    expect(body.results.map(({ requestId }) => requestId)).toEqual(wanted.map(({ requestId }) => requestId))
    const decisions = body.results.map(({ decision }) => decision)
    expect(decisions[3]).toBe('not_now')
    expect(decisions[30]).toBe('never')
    expect(decisions.filter((decision) => decision === 'go')).toHaveLength(29)
  })

  it('is not given while on hold, and given again after the release', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    await command(id, 'hold')
    expect(await decisionOf(first(id))).toMatchObject({ decision: 'not_now', code: 'on_hold' })
    const { body } = await command(id, 'release')
    const passes = (body.steps as { stepId: string; passId: string; attempt: number }[]).filter(
      ({ stepId }) => stepId === 'cache#1',
    )
    const { passId, attempt } = passes[0] as { passId: string; attempt: number }
    expect(await decisionOf({ requestId: id, passId, attempt })).toMatchObject({ decision: 'go' })
  })

  it('makes a hold wait for the grants that are out', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    const granted = await decisionOf(first(id))
    const { body } = await command(id, 'hold')
    expect(body.effectiveAt).toBe(granted?.grant?.expiresAt)
    expect(body.outstandingGrants).toMatchObject([
      { systemId: 'cache', expiresAt: granted?.grant?.expiresAt },
    ])
  })

  it('is never given after a cancel or a refusal, and a cancel after the first grant is refused', async () => {
    const cancelled = await accepted(stand, askByEmail(newPerson(stand).email))
    await command(cancelled, 'cancel')
    expect(await decisionOf(first(cancelled))).toMatchObject({ decision: 'never' })
    const granted = await accepted(stand, askByEmail(newPerson(stand).email))
    await clear([first(granted)])
    expect(await command(granted, 'cancel')).toMatchObject({
      status: 409,
      body: { code: 'illegal_transition' },
    })
  })

  it('is not given while approval is awaited', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email, { approval: 'required' }))
    expect((await decisionOf(first(id)))?.decision).not.toBe('go')
  })

  it.each([
    ['a pass that was never requested', 'cache#1/retry-1'],
    ['a pass of a later step', 'cache#2/initial'],
    ['a pass of another system', 'shop-pg#1/initial'],
    ['a pass id that is no pass id', '../../x'],
  ])('is never given for %s', async (_title, passId) => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    expect(await decisionOf({ requestId: id, passId, attempt: 1 })).toMatchObject({ decision: 'never' })
  })

  it('leaves a request as it is whose step may not start, whoever asks', async () => {
    const scheduled = await accepted(stand, askByEmail(newPerson(stand).email, { graceDays: 7 }))
    const held = await accepted(stand, askByEmail(newPerson(stand).email))
    await command(held, 'hold')
    const versions = () =>
      Promise.all(
        [scheduled, held].map(
          async (id) => (await stand.call('GET', `/v1/erasure-requests/${id}`)).body.version,
        ),
      )
    const before = await versions()
    await stand.pool.query(
      `UPDATE events.events SET data = jsonb_set(data::jsonb, '{at}', '1')::json
       WHERE type = 'IdentifiersResolved' AND stream_id = ANY ($1)`,
      [[scheduled, held]],
    )
    for (const id of [scheduled, held]) expect((await decisionOf(first(id)))?.decision).not.toBe('go')
    expect(await versions()).toEqual(before)
  })

  it('is never given for an attempt that was not emitted', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    expect((await decisionOf({ ...first(id), attempt: 9 }))?.decision).not.toBe('go')
  })

  it('is for the credential of that very system', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    for (const token of [tokens.shopEraser, tokens.officer, tokens.all]) {
      expect(await clear([first(id)], token)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    }
    expect(await clear([first(id)], tokens.cacheEraser, 'shop-pg')).toMatchObject({ status: 403 })
  })

  it('is for one purpose: a probe gets no grant, an eraser no key to report what a probe found', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    expect(await clear([first(id)], tokens.cacheProbe)).toMatchObject({ status: 403 })
    expect(await clear([first(id)], tokens.cacheEraser, 'cache', 'probe')).toMatchObject({ status: 403 })
  })

  it('is audited when it is forbidden, without the words of who asked', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    await clear([first(id), { ...first(id), passId: 'a@example.com' }], tokens.shopEraser)
    await clear([first(id)], tokens.viewer, 'some-one')
    // What can't be a system's name gets no further than the parser.
    expect(await clear([first(id)], tokens.viewer, 'someone@example.com')).toMatchObject({ status: 400 })
    const { rows } = await stand.pool.query(
      'SELECT credential_id, system_id, pass_id, decision, code FROM audit.clearances WHERE request_id = $1 ORDER BY id',
      [id],
    )
    const refused = { pass_id: '@refused', decision: 'never', code: 'forbidden' }
    expect(rows).toEqual([
      { credential_id: 'eraser-shop-pg', system_id: 'cache', ...refused },
      { credential_id: 'viewer', system_id: '@unknown', ...refused },
    ])
  })

  it('is never given on a vault entry that was altered or moved, and no grant is recorded then', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    const other = await accepted(stand, askByEmail(newPerson(stand).email))
    await stand.pool.query(
      `UPDATE vault.entries SET sealed = (SELECT sealed FROM vault.entries WHERE request_id = $2 AND system_id = 'cache')
       WHERE request_id = $1 AND system_id = 'cache'`,
      [id, other],
    )
    expect(await decisionOf(first(id))).toMatchObject({ decision: 'never', code: 'vault_tampered' })
    const { body } = await stand.call('GET', `/v1/erasure-requests/${id}`)
    expect(body.firstGrantAt).toBeNull()
  })

  it('is audited, whatever the answer', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    await clear([first(id)])
    await clear([{ ...first(id), passId: 'cache#2/initial' }])
    const { rows } = await stand.pool.query(
      'SELECT credential_id, purpose, pass_id, decision, code FROM audit.clearances WHERE request_id = $1 ORDER BY id',
      [id],
    )
    expect(rows).toMatchObject([
      {
        credential_id: 'eraser-cache',
        purpose: 'erase',
        pass_id: 'cache#1/initial',
        decision: 'go',
        code: null,
      },
      { pass_id: 'cache#2/initial', decision: 'never', code: 'not_found' },
    ])
  })

  it('is never given to a probe that was not requested', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    const passes = [{ requestId: id, passId: 'cache/probe-1', attempt: 1 }]
    const { body } = await clear(passes, tokens.cacheProbe, 'cache', 'probe')
    expect(body.results[0]).toMatchObject({ decision: 'never' })
  })
})

describe('the data map', () => {
  it('is read by an eraser in its own system’s section only', async () => {
    const read = (path: string, token: string) => stand.call('GET', `/v1/data-maps/${path}`, { token })
    expect(await read('1/systems/cache', tokens.cacheEraser)).toMatchObject({
      status: 200,
      body: { version: 1, tenant: { column: 'tenant_id' }, canonical: 'user_id', system: { kind: 'redis' } },
    })
    expect((await read('current/systems/cache', tokens.cacheEraser)).body.version).toBe(1)
    expect((await read('1/systems/shop-pg', tokens.cacheEraser)).status).toBe(403)
    expect((await read('2/systems/cache', tokens.cacheEraser)).status).toBe(404)
    expect((await read('1/systems/nothing', tokens.officer)).status).toBe(404)
  })
})
