import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openStand, type Stand, tokens } from './testing/stand.js'

const DAY = 86_400_000
let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(async () => {
  await stand?.close()
})

interface Answer {
  imported: number
  already: number
  expired: number
  bad: { line: number; code: string; detail: string }[]
}
const line = (n: number, id: string, extra: object = {}) => ({
  line: n,
  tenantId: 'shop',
  identifiers: [{ type: 'user_id', value: id }],
  erasedAt: Date.now() - DAY,
  ...extra,
})
const send = (lines: object[], options: object = {}, token: string = tokens.officer) =>
  stand.call<Answer>('POST', '/v1/tombstones/import', { token, body: { lines, ...options } })
const live = async (systemId: string) => {
  const { body } = await stand.call<{
    tombstones: {
      requestId: string
      subject: { receivedAt: number; identifiers: { value: string }[] } | null
    }[]
  }>('POST', '/v1/tombstones', { token: tokens.restore, body: { systemId, reason: 'spec' } })
  return body.tombstones
}
const values = async (systemId: string) =>
  (await live(systemId)).flatMap(({ subject }) => subject?.identifiers.map(({ value }) => value) ?? [])
const count = async (table: string) =>
  Number((await stand.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n)

describe('people who were erased before Lethe', () => {
  it('stay away from every system, or from those that were named, since the date they were erased', async () => {
    const erasedAt = Date.now() - 2 * DAY
    const { status, body } = await send([
      line(2, 'before-1', { erasedAt }),
      line(3, 'before-2', { systems: ['cache'] }),
    ])
    expect([status, body]).toEqual([200, { imported: 2, already: 0, expired: 0, bad: [] }])
    expect(await values('shop-pg')).toEqual(['before-1'])
    expect((await values('cache')).sort()).toEqual(['before-1', 'before-2'])
    const [one] = await live('shop-pg')
    // Who signed up again since is somebody else.
    expect(one?.subject?.receivedAt).toBe(erasedAt)
    const { rows } = await stand.pool.query(
      'SELECT status, live_erased_at, completed_at IS NOT NULL AS done FROM read_model.requests WHERE request_id = $1',
      [one?.requestId],
    )
    expect(rows).toEqual([{ status: 'COMPLETED', live_erased_at: String(erasedAt), done: true }])
    const { rows: tombstones } = await stand.pool.query(
      'SELECT effective_at, expires_at FROM read_model.tombstones WHERE request_id = $1 AND system_id = $2',
      [one?.requestId, 'shop-pg'],
    )
    expect(Number(tombstones[0]?.effective_at)).toBe(erasedAt)
    expect(Number(tombstones[0]?.expires_at)).toBeGreaterThan(erasedAt + 30 * DAY)
  })

  it('are published as every other tombstone is, sealed, and nobody is told of a request', async () => {
    const before = await count('outbox.message')
    await send([line(1, 'published-1')])
    const { rows } = await stand.pool.query<{ topic: string }>(
      `SELECT aggregatetype AS topic, encode(payload, 'escape') AS payload FROM outbox.message OFFSET $1`,
      [before],
    )
    expect(rows.map((row) => row.topic)).toEqual(['erasure.tombstones', 'erasure.tombstones'])
    expect(JSON.stringify(rows)).not.toContain('published-1')
  })

  it('are imported once, whoever sends the same line again, alone or twice in one file', async () => {
    const lines = [line(1, 'twice', { erasedAt: 1 + Date.now() - DAY }), line(2, 'twice-too')]
    expect((await send([...lines, { ...lines[0], line: 3 }])).body).toMatchObject({ imported: 2, already: 1 })
    const before = await count('read_model.tombstones')
    expect((await send(lines, {}, tokens.all)).body).toMatchObject({ imported: 0, already: 2 })
    expect(await count('read_model.tombstones')).toBe(before)
  })

  it('leave nothing behind a dry run, and a line by its number and rule where it is bad', async () => {
    const before = await count('read_model.tombstones')
    const lines = [
      line(1, 'fine'),
      line(2, 'wild*card'),
      line(3, 'later', { erasedAt: Date.now() + DAY }),
      line(4, 'lost', { systems: ['nowhere'] }),
      line(5, 'stranger', { tenantId: 'acme' }),
      { ...line(6, ''), identifiers: [{ type: 'email', value: 'only@example.com' }] },
      line(7, 'old', { erasedAt: 1_000 }),
    ]
    const { body } = await send(lines, { dryRun: true })
    expect(body).toMatchObject({ imported: 1, already: 0, expired: 1 })
    expect(body.bad.map((one) => [one.line, one.code])).toEqual([
      [2, 'invalid_identifier'],
      [3, 'invalid_date'],
      [4, 'unknown_system'],
      [5, 'unknown_tenant'],
      [6, 'no_identifier'],
    ])
    expect(JSON.stringify(body)).not.toMatch(/wild\*|only@|stranger/)
    expect((await send(lines)).body).toMatchObject({ imported: 0, bad: { length: 5 } })
    expect(await count('read_model.tombstones')).toBe(before)
    expect((await send(lines, { skipBad: true })).body).toMatchObject({ imported: 1 })
    expect(await count('read_model.tombstones')).toBe(before + 2)
  })

  it('are refused while a request has them to erase, which may be under a hold', async () => {
    const { body: open } = await stand.call<{ requestId: string }>('POST', '/v1/erasure-requests', {
      token: tokens.service,
      key: 'under-way',
      body: { tenantId: 'shop', identifiers: [{ type: 'user_id', value: 'under-way' }] },
    })
    expect(open.requestId).toBeDefined()
    const { body } = await send([line(9, 'under-way')])
    expect(body).toMatchObject({ imported: 0, bad: [{ line: 9, code: 'under_way' }] })
    expect(body.bad[0]?.detail).toContain(open.requestId)
  })

  it('come from officers and administrators only, in the audit by credential and number', async () => {
    for (const token of [tokens.operator, tokens.viewer, tokens.service, tokens.restore, tokens.shopEraser])
      expect((await send([line(1, 'nobody')], {}, token)).status).toBe(403)
    await send([line(1, 'audited')])
    const { rows } = await stand.pool.query('SELECT * FROM audit.tombstone_imports ORDER BY id DESC LIMIT 1')
    expect(rows[0]).toMatchObject({ credential_id: 'officer', imported: 1, bad: 0, dry_run: false })
    expect(JSON.stringify(rows)).not.toContain('audited"')
  })

  it('are refused inside the transaction that meets another database of Lethe, although nothing was known before it', async () => {
    const { watch, maps } = stand.parts
    const before = await count('read_model.tombstones')
    let exchanged = false
    const plan = maps.plan.bind(maps)
    const drafting = vi.spyOn(maps, 'plan').mockImplementation((...given) => {
      exchanged = true
      return plan(...given)
    })
    const blocked = vi
      .spyOn(watch, 'blocked')
      .mockImplementation(async () => (exchanged ? 'lethe_restored' : null))
    const refused = await send([line(1, 'exchanged')])
    blocked.mockRestore()
    drafting.mockRestore()
    expect(exchanged).toBe(true)
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable', cause: 'lethe_restored' } })
    expect(await count('read_model.tombstones')).toBe(before)
    expect((await send([line(1, 'exchanged')])).body).toMatchObject({ imported: 1 })
  })

  it('are in no log of the service', () => {
    expect(stand.log()).not.toMatch(/before-1|twice-too|published-1|wild\*card/)
  })
})
