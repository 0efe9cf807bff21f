import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sweptTotal } from './application/metrics.js'
import { round } from './testing/process.js'
import { operator, Stand } from './testing/stand.js'

let stand: Stand
/** Pages, by what they are behind, whose tombstones became objects. */
let objects: string[]
beforeEach(async () => {
  stand = await Stand.open()
  objects = []
  stand.source.asObjects = (after) => objects.push(after)
})
afterEach(() => stand.close())

type Process = ReturnType<Stand['process']>
const swept = async (process: Process) => {
  const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
  await process.sweeps.idle()
  return process.restores.oneSweep(operator, sweepId)
}
const erased = async (...ids: string[]) => {
  for (const id of ids) {
    await stand.tombstone(id)
    await stand.completed(id)
    await stand.shop.as(
      undefined,
      `DELETE FROM orders WHERE user_id = '${id}'; DELETE FROM users WHERE id = '${id}'`,
    )
  }
}
const comeBack = (id: string) =>
  stand.shop.as(undefined, `INSERT INTO users VALUES ('${id}', '${id}@example.com', '2020-01-01')`)
const people = async () =>
  (await stand.shop.as(undefined, 'SELECT id FROM users ORDER BY id')).map(({ id }) => id)
const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const counted = async (result: string) => {
  const { values } = await sweptTotal.get()
  return values.find(({ labels }) => 'result' in labels && labels.result === result)?.value ?? 0
}
const asked = (tombstoneId: string) =>
  stand.pool.query(
    `INSERT INTO restore.reviews (review_id, system_id, tombstone_id, request_id, restore_id, found, found_at, decision)
     VALUES ('r', 'shop-pg', $1, 'request-u1', 'restore', '{"users": 1}', 1, 'erase')`,
    [tombstoneId],
  )

describe('a sweep of pages in columns', () => {
  it('makes no objects of pages where nobody is, and counts everybody of them as clean', async () => {
    await erased('u1', 'u2', 'u3')
    stand.source.asObjects = () => {
      throw new Error('tombstones of people who are absent became objects')
    }
    const before = await counted('clean')
    expect(await swept(stand.process())).toMatchObject({
      probed: 3,
      residual: 0,
      restoreId: null,
      cursor: 'tombstone-u3',
      finishedAt: expect.any(Number),
    })
    expect((await counted('clean')) - before).toBe(3)
  })

  it('finds, reports and erases who is back, and makes no objects of the other pages', async () => {
    const many = Array.from({ length: 230 }, (_, n) => `p${String(n).padStart(3, '0')}`)
    for (const id of many) {
      await stand.tombstone(id)
      await stand.completed(id)
    }
    await comeBack('p207')
    const [clean, residual] = [await counted('clean'), await counted('residual')]
    const sweep = await swept(stand.process())
    expect(sweep).toMatchObject({ probed: 230, residual: 1, finishedAt: expect.any(Number) })
    expect(await people()).not.toContain('p207')
    expect(await people()).toHaveLength(200)
    expect(await latest()).toMatchObject({ restoreId: sweep.sweepId, announcedBy: 'sweep', replayed: 1 })
    expect([(await counted('clean')) - clean, (await counted('residual')) - residual]).toEqual([229, 1])
    expect(objects.length).toBeGreaterThan(0)
    expect(new Set(objects)).toEqual(new Set(['tombstone-p199']))
  })

  it('leaves alone, and does not count, who is still being erased', async () => {
    await erased('u1')
    await stand.tombstone('u4')
    expect(await swept(stand.process())).toMatchObject({ probed: 1, residual: 0, restoreId: null })
    expect(await people()).toContain('u4')
  })

  it('looks at everybody one by one where a person was asked about somebody of that store', async () => {
    await erased('u1', 'u2')
    await asked('tombstone-u1')
    expect(await swept(stand.process())).toMatchObject({ probed: 2, residual: 0 })
    expect(objects).not.toEqual([])
    const { rows } = await stand.pool.query('SELECT done_at FROM restore.reviews')
    expect(rows).toEqual([{ done_at: expect.any(String) }])
  })

  it('looks at everybody one by one, and finds them, under an older map that knows more', async () => {
    stand.maps.splice(0, 1, [{ table: 'letters', by: 'reader', method: 'delete' }], [])
    await erased('u1', 'u2')
    await stand.shop.as(
      undefined,
      `CREATE TABLE letters (reader text); INSERT INTO letters VALUES ('u1'), ('u3')`,
    )
    expect(await swept(stand.process())).toMatchObject({ probed: 2, residual: 1 })
    expect(await stand.shop.as(undefined, 'SELECT reader FROM letters')).toEqual([{ reader: 'u3' }])
  })
})

describe('a replay of pages in columns, and the look behind it', () => {
  const restored = async () => {
    await round(stand.process())
    const backup = await stand.shop.backUp()
    for (const id of ['u1', 'u2', 'u3']) await stand.tombstone(id)
    await stand.shop.restore(backup)
    await round(stand.process())
    return latest()
  }

  it('makes no objects where nobody is left', async () => {
    expect(await restored()).toMatchObject({ phase: 'opened', replayed: 3, residual: {} })
    expect(await people()).not.toEqual(expect.arrayContaining(['u1']))
    expect(objects).toEqual([])
    const { rows } = await stand.pool.query<{ ids: string[]; requests: string[] }>(
      'SELECT tombstone_ids AS ids, request_ids AS requests FROM restore.replay_pages',
    )
    expect(rows).toEqual([
      {
        ids: ['tombstone-u1', 'tombstone-u2', 'tombstone-u3'],
        requests: ['request-u1', 'request-u2', 'request-u3'],
      },
    ])
  })

  it('erases everybody else one by one where somebody stands in the way', async () => {
    await stand.shop.as(
      undefined,
      `CREATE TABLE wishes (user_id text REFERENCES users); INSERT INTO wishes VALUES ('u2')`,
    )
    expect(await restored()).toMatchObject({
      ...{ phase: 'waiting', replayed: 2, failed: { referenced_elsewhere: 1 } },
    })
    expect((await people()).filter((id) => ['u1', 'u2', 'u3'].includes(String(id)))).toEqual(['u2'])
    expect(objects).not.toEqual([])
  })

  it('erases one by one where a person was asked about somebody of that store', async () => {
    await asked('tombstone-u9')
    expect(await restored()).toMatchObject({ phase: 'opened', replayed: 3 })
    expect(objects).not.toEqual([])
  })

  it('tells who is left where the map does not lead', async () => {
    await stand.shop.as(
      undefined,
      `CREATE TABLE wishes (user_id text); INSERT INTO wishes VALUES ('u1'), ('u1'), ('u3'), ('u9')`,
    )
    expect(await restored()).toMatchObject({
      phase: 'waiting',
      replayed: 3,
      residual: { 'public.wishes': 3 },
      inconclusive: {},
    })
    expect(objects.length).toBeGreaterThan(0)
  })
})
