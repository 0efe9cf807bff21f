import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { operator, Stand } from './testing/stand.js'

let stand: Stand
beforeEach(async () => {
  stand = await Stand.open()
})
afterEach(() => stand.close())

type Process = ReturnType<Stand['process']>
const swept = async (process: Process) => {
  const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
  await process.sweeps.idle()
  await process.sweeps.round()
  await process.sweeps.idle()
  return process.restores.oneSweep(operator, sweepId)
}
const people = async () =>
  (await stand.shop.as(undefined, 'SELECT id FROM users ORDER BY id')).map(({ id }) => id)
const comeBack = (...ids: string[]) =>
  stand.shop.as(
    undefined,
    `INSERT INTO users SELECT id, id || '@example.com', '2020-01-01' FROM unnest('{${ids.join()}}'::text[]) AS id ON CONFLICT DO NOTHING;
     INSERT INTO orders (user_id, address) SELECT id, 'again' FROM unnest('{${ids.join()}}'::text[]) AS id`,
  )
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
const latest = async () => (await stand.store.history('shop-pg', 1))[0]

describe('a sweep', () => {
  it('finds people who came back into a store in use, erases them again, says how many, and touches nobody else', async () => {
    await erased('u1', 'u2', 'u3')
    await comeBack('u1', 'u3')
    const process = stand.process()
    const sweep = await swept(process)
    expect(sweep).toMatchObject({ probed: 3, residual: 2, finishedAt: expect.any(Number) })
    expect(await people()).toHaveLength(197)
    expect(await latest()).toMatchObject({
      restoreId: sweep.restoreId,
      announcedBy: 'sweep',
      phase: 'opened',
      replayed: 2,
      residual: {},
    })
    expect((await stand.store.gates()).every(({ state }) => state === 'open')).toBe(true)
    expect(await swept(process)).toMatchObject({ probed: 3, residual: 0, restoreId: null })
  })

  it('finds who came back with a table that only the data map they were erased under knows', async () => {
    stand.maps.splice(0, 1, [{ table: 'letters', by: 'reader', method: 'delete' }], [])
    await erased('u1', 'u2')
    const process = stand.process()
    expect(await swept(process)).toMatchObject({ probed: 2, residual: 0, restoreId: null })
    await stand.shop.as(
      undefined,
      `CREATE TABLE letters (reader text, body text); INSERT INTO letters VALUES ('u1', 'dear'), ('u3', 'dear')`,
    )
    const other = stand.process()
    expect(await swept(other)).toMatchObject({ probed: 2, residual: 1 })
    expect(await stand.shop.as(undefined, 'SELECT reader FROM letters')).toEqual([{ reader: 'u3' }])
    expect(await latest()).toMatchObject({ announcedBy: 'sweep', replayed: 1, residual: {} })
    expect(await swept(other)).toMatchObject({ residual: 0, restoreId: null })
  })

  it('says so when somebody can not be looked for under that map, and finds the others', async () => {
    // No foreign key leads from the orders to the letters.
    const unfit = { table: 'orders', by: 'user_id', via: 'letters', method: 'delete' }
    stand.maps.splice(0, 1, [unfit], [])
    await stand.shop.as(undefined, 'CREATE TABLE letters (user_id text)')
    await erased('u1')
    await stand.tombstone('u2', { mapVersion: 2 })
    await stand.completed('u2')
    const sweep = await swept(stand.process())
    expect(sweep).toMatchObject({ probed: 2, residual: 1, restoreId: sweep.sweepId })
    expect(await latest()).toMatchObject({ replayed: 1, inconclusive: { map_mismatch: 1 } })
    expect(await people()).not.toContain('u2')
  })

  it('leaves alone who is under a hold, whose erasure is still under way, and nobody is said to be clean for it', async () => {
    await erased('u1', 'u2')
    await stand.tombstone('u4')
    await stand.tombstone('u5', { held: true })
    await stand.completed('u5')
    await comeBack('u1')
    expect(await swept(stand.process())).toMatchObject({ probed: 2, residual: 1 })
    expect(await people()).toEqual(expect.arrayContaining(['u4', 'u5']))
    expect(await people()).not.toContain('u1')
  })

  it('does not call back who was being erased when it looked, and done when it asked', async () => {
    await erased('u1')
    await stand.tombstone('u2')
    const process = stand.process()
    const { sweepStore } = process
    const pending = sweepStore.pending.bind(sweepStore)
    let asked = 0
    sweepStore.pending = async (requestIds) => {
      if (asked++ === 0) {
        await stand.completed('u2')
        await stand.shop.as(
          undefined,
          `DELETE FROM orders WHERE user_id = 'u2'; DELETE FROM users WHERE id = 'u2'`,
        )
      }
      return pending(requestIds)
    }
    expect(await swept(process)).toMatchObject({ probed: 2, residual: 0, restoreId: null })
    expect(asked).toBe(1)
  })

  it('respects a hold that comes between looking and erasing', async () => {
    await erased('u1', 'u2')
    await comeBack('u1', 'u2')
    let pages = 0
    stand.source.during = async () => {
      const one = stand.source.tombstones.get('tombstone-u2')
      if (++pages === 2 && one)
        stand.source.tombstones.set('tombstone-u2', { ...one, held: true, subject: null })
    }
    await swept(stand.process())
    expect(await people()).toContain('u2')
    expect(await people()).not.toContain('u1')
  })

  it('goes on behind the last page after a crash, and counts nobody twice', async () => {
    const many = Array.from({ length: 230 }, (_, n) => `p${String(n).padStart(3, '0')}`)
    for (const id of many) {
      await stand.tombstone(id)
      await stand.completed(id)
    }
    await comeBack('p000', 'p229')
    stand.source.before = (after) => {
      if (after !== '') throw new Error('killed')
    }
    const process = stand.process()
    const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
    await process.sweeps.idle()
    expect(await process.restores.oneSweep(operator, sweepId)).toMatchObject({
      probed: 200,
      finishedAt: null,
    })
    stand.source.before = () => undefined
    const other = stand.process()
    await other.sweeps.round()
    await other.sweeps.idle()
    expect(await other.restores.oneSweep(operator, sweepId)).toMatchObject({
      probed: 230,
      residual: 2,
      finishedAt: expect.any(Number),
    })
    expect(await latest()).toMatchObject({ replayed: 2 })
  })

  it.each([
    ['waits until it is recorded whom it found', ['p000'], false],
    ['does not wait for its own progress', [], true],
  ])('%s', async (_, back, goesOn) => {
    for (let n = 0; n < 801; n++) {
      const id = `p${String(n).padStart(3, '0')}`
      await stand.tombstone(id)
      await stand.completed(id)
    }
    await comeBack(...back)
    const read = new Set<string>()
    stand.source.before = (after) => read.add(after)
    const process = stand.process()
    const record = process.sweepStore.record.bind(process.sweepStore)
    const readMeanwhile: boolean[] = []
    process.sweepStore.record = async (sweep) => {
      if (readMeanwhile.length === 0) await setTimeout(500)
      readMeanwhile.push(read.has('tombstone-p599'))
      await record(sweep)
    }
    expect(await swept(process)).toMatchObject({ probed: 801, residual: back.length })
    expect(readMeanwhile[0]).toBe(goesOn)
  })

  it('does not look while a gate is shut, and looks at some by chance when a sample is due', async () => {
    await erased('u1')
    const process = stand.process()
    await stand.pool.query(
      `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('shop-pg', 'shut', 'enforced', 1)`,
    )
    expect(await swept(process)).toMatchObject({ probed: 0, finishedAt: null })
    await stand.pool.query(`UPDATE restore.gates SET state = 'open'`)
    await process.sweeps.round()
    await process.sweeps.idle()
    await stand.pool.query('UPDATE restore.sweeps SET finished_at = finished_at - 1000000')
    await comeBack('u1')
    await process.sweeps.round()
    await process.sweeps.idle()
    const [sample] = await process.restores.sweepHistory(operator, 'shop-pg')
    expect(sample).toMatchObject({ kind: 'sample', residual: 1 })
    expect(await people()).not.toContain('u1')
  })

  it('calls nobody clean whom it could not look for', async () => {
    await erased('u1', 'u2')
    const one = stand.source.tombstones.get('tombstone-u2')
    if (one) stand.source.tombstones.set('tombstone-u2', { ...one, subject: null, code: 'identifiers_gone' })
    const sweep = await swept(stand.process())
    expect(sweep).toMatchObject({ probed: 1, residual: 0, restoreId: sweep.sweepId })
    expect(await latest()).toMatchObject({ restoreId: sweep.sweepId, unreadable: 1, replayed: 0 })
  })

  it('that dies between erasing and recording its page counts nobody twice', async () => {
    await erased('u1', 'u2')
    await comeBack('u1', 'u2')
    const recordFound = stand.store.recordFound.bind(stand.store)
    stand.store.recordFound = async (...given) => {
      await recordFound(...given)
      throw new Error('killed')
    }
    await swept(stand.process())
    stand.store.recordFound = recordFound
    await comeBack('u1', 'u2')
    const other = stand.process()
    await other.sweeps.round()
    await other.sweeps.idle()
    const restores = await stand.store.history('shop-pg', 10)
    expect(restores).toMatchObject([{ tombstones: 2, replayed: 2, failed: {} }])
  })
})
