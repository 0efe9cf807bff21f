import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClearanceAnswer } from './application/clearance.js'
import { inColumns } from './application/tombstone-columns.js'
import type { LiveTombstone } from './application/tombstones.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand.close())
beforeEach(async () => {
  await stand.pool.query(
    'DELETE FROM restore.gates; DELETE FROM restore.markers; DELETE FROM restore.suspicions',
  )
})

interface Marker {
  value: string | null
  receipts: number
}
const clear = async (requestId: string, marker?: Marker): Promise<ClearanceAnswer | undefined> => {
  const passes = [{ requestId, passId: 'cache#1/initial', attempt: 1 }]
  const { body } = await stand.call<{ results: ClearanceAnswer[] }>('POST', '/v1/clearance', {
    token: tokens.cacheEraser,
    body: { systemId: 'cache', purpose: 'erase', passes, ...(marker ? { marker } : {}) },
  })
  return body.results[0]
}
const newRequest = () => accepted(stand, askByEmail(newPerson(stand).email))
const shut = () =>
  stand.pool.query(
    `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('cache', 'shut', 'enforced', 1)`,
  )
const known = (current: string, receipts = 0) =>
  stand.pool.query(
    `INSERT INTO restore.markers (system_id, current, pending, receipts, confirmed_at) VALUES ('cache', $1, 'next', $2, 1)`,
    [current, receipts],
  )
const suspected = async () =>
  (await stand.pool.query<{ system_id: string }>('SELECT system_id FROM restore.suspicions')).rows

describe('a gate', () => {
  it('lets no grant out while it is shut, and again when it is open', async () => {
    const id = await newRequest()
    await shut()
    expect(await clear(id)).toMatchObject({ decision: 'not_now', code: 'gate_closed' })
    await stand.pool.query(`UPDATE restore.gates SET state = 'open'`)
    expect(await clear(id)).toMatchObject({ decision: 'go' })
  })

  it('of another system stops nobody', async () => {
    await stand.pool.query(
      `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('shop-pg', 'shut', 'enforced', 1)`,
    )
    expect(await clear(await newRequest())).toMatchObject({ decision: 'go' })
  })

  it('that is shut while an eraser asks: the grant is committed before, or refused', async () => {
    const id = await newRequest()
    const shutting = await stand.pool.connect()
    await shutting.query('BEGIN')
    await shutting.query(`SELECT pg_advisory_xact_lock(hashtextextended('lethe.gate/cache', 0))`)
    const asking = clear(id)
    await shutting.query(
      `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('cache', 'shut', 'enforced', 1)`,
    )
    await shutting.query('COMMIT')
    shutting.release()
    expect(await asking).toMatchObject({ decision: 'not_now', code: 'gate_closed' })
  })
})

describe('a marker', () => {
  it('that Lethe wrote, or was about to write, is fine', async () => {
    await known('mine', 3)
    expect(await clear(await newRequest(), { value: 'mine', receipts: 3 })).toMatchObject({ decision: 'go' })
    expect(await clear(await newRequest(), { value: 'next', receipts: 4 })).toMatchObject({ decision: 'go' })
    expect(await suspected()).toEqual([])
  })

  for (const [what, marker] of [
    ['of an older copy', { value: 'older', receipts: 9 }],
    ['that is gone', { value: null, receipts: 9 }],
    ['with fewer receipts than were seen', { value: 'mine', receipts: 2 }],
  ] as const)
    it(`${what} stops grants and is noted for the restore service`, async () => {
      await known('mine', 3)
      const id = await newRequest()
      expect(await clear(id, marker)).toMatchObject({ decision: 'not_now', code: 'gate_closed' })
      expect(await suspected()).toEqual([{ system_id: 'cache' }])
      expect(await clear(id, { value: 'mine', receipts: 3 })).toMatchObject({ code: 'gate_closed' })
    })

  it('of a store that nobody watches is not looked at', async () => {
    expect(await clear(await newRequest(), { value: 'any', receipts: 0 })).toMatchObject({ decision: 'go' })
  })
})

describe('tombstones', () => {
  const page = (token: string, body: object) =>
    stand.call<{ tombstones: LiveTombstone[]; validUntil: number }>('POST', '/v1/tombstones', { token, body })

  it('are given with identifiers to the restore credential, in pages, and every page is audited', async () => {
    const people = [newPerson(stand), newPerson(stand), newPerson(stand)]
    for (const person of people) await clear(await accepted(stand, askByEmail(person.email)))
    const all: LiveTombstone[] = []
    for (let after = ''; ; ) {
      const { body } = await page(tokens.restore, { systemId: 'cache', reason: 'restore-1', after, limit: 2 })
      all.push(...body.tombstones)
      if (body.tombstones.length < 2) break
      after = body.tombstones.at(-1)?.tombstoneId ?? ''
    }
    const ids = all.flatMap(({ subject }) => subject?.identifiers.map(({ value }) => value) ?? [])
    expect(ids).toEqual(expect.arrayContaining(people.map(({ userId }) => userId)))
    expect(new Set(all.map(({ tombstoneId }) => tombstoneId)).size).toBe(all.length)
    const asked = { systemId: 'cache', reason: 'restore-1', limit: 5_000, as: 'columns' }
    const { body } = await stand.call<ReturnType<typeof inColumns>>('POST', '/v1/tombstones', {
      token: tokens.restore,
      body: asked,
    })
    expect(body.columns).toEqual(inColumns({ validUntil: 0, tombstones: all }).columns)
    const { rows } = await stand.pool.query(
      `SELECT count(*)::int AS pages FROM audit.clearances WHERE purpose = 'tombstones' AND credential_id = 'restore'`,
    )
    expect(rows[0].pages).toBeGreaterThanOrEqual(2)
  })

  it('of a held person name nobody', async () => {
    const id = await newRequest()
    await clear(id)
    await stand.call('POST', `/v1/erasure-requests/${id}/hold`, { body: {}, token: tokens.officer })
    const { body } = await page(tokens.restore, { systemId: 'cache', reason: 'restore-1', limit: 5_000 })
    expect(body.tombstones.find(({ requestId }) => requestId === id)).toMatchObject({
      held: true,
      subject: null,
    })
  })

  it('that were read before a hold may be erased no longer than the hold says it waits', async () => {
    const id = await newRequest()
    const hold = () =>
      stand.call<{ effectiveAt: number }>('POST', `/v1/erasure-requests/${id}/hold`, {
        body: {},
        token: tokens.officer,
      })
    await shut()
    const { body } = await page(tokens.restore, { systemId: 'cache', reason: 'restore-1' })
    expect((await hold()).body.effectiveAt).toBeGreaterThanOrEqual(body.validUntil)
    await stand.pool.query(`UPDATE restore.gates SET state = 'open'`)
    const before = Date.now()
    expect((await hold()).body.effectiveAt).toBeLessThan(before + 30_000)
  })

  it('wait for a hold that is being placed, and then show it', async () => {
    const placing = await stand.pool.connect()
    await placing.query('BEGIN')
    await placing.query(`SELECT pg_advisory_xact_lock_shared(hashtextextended('lethe.replay-pages', 0))`)
    let read = false
    const reading = page(tokens.restore, { systemId: 'cache', reason: 'restore-1' }).then(() => {
      read = true
    })
    await expect
      .poll(
        async () =>
          (await stand.pool.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`))
            .rowCount,
      )
      .toBeGreaterThan(0)
    expect(read).toBe(false)
    await placing.query('COMMIT')
    placing.release()
    await reading
  })

  it('are nobody else’s to read', async () => {
    for (const token of [tokens.officer, tokens.cacheEraser]) {
      expect(await page(token, { systemId: 'cache', reason: 'r' })).toMatchObject({ status: 403 })
    }
  })
})
