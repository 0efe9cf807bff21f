import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { round } from './testing/process.js'
import { officer, operator, Stand } from './testing/stand.js'

let stand: Stand
let process: ReturnType<Stand['process']>
beforeEach(async () => {
  stand = await Stand.open()
  process = stand.process()
})
afterEach(() => stand.close())

const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const people = async () =>
  (await stand.shop.as(undefined, `SELECT id FROM users WHERE id IN ('u1', 'u2') ORDER BY id`)).map(
    ({ id }) => id,
  )
const announce = (gateMode: 'hooked' | 'unhooked') =>
  process.restores.announce(operator, { systemId: 'shop-pg', backupId: 'nightly', gateMode })
const tooOld = { phase: 'waiting', waiting: [{ code: 'older_than_collected' }] }

/** A copy that is older than a tombstone that has expired, behind its gate; polls go on. */
async function waitsForItsAge(): Promise<{ readonly markerAt: number | null }> {
  await round(process)
  const backup = await stand.shop.backUp()
  await round(process)
  await stand.tombstone('u1', { effectiveAt: Date.now() + 10, expiresAt: Date.now() + 10 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await stand.shop.restore(backup)
  await round(process)
  const first = await latest()
  expect(first).toMatchObject(tooOld)
  // By now its marker is younger than the tombstone.
  await round(process)
  await round(process)
  return { markerAt: first?.markerAt ?? null }
}

describe('a copy that is announced again while its gate is shut', () => {
  it.each(['unhooked', 'hooked'] as const)(
    'is as old as it was, and told to be %s opens no gate',
    async (gateMode) => {
      const { markerAt } = await waitsForItsAge()
      await announce(gateMode)
      await process.guard.idle()
      if (gateMode === 'hooked') {
        // Nothing else comes in: whoever announces it means this copy.
        expect(await latest()).toMatchObject({ phase: 'announced', waiting: [{ code: 'not_restored_yet' }] })
        await announce('unhooked')
        await process.guard.idle()
      }
      await round(process)
      expect(await latest()).toMatchObject({ ...tooOld, markerAt, gateMode: 'unhooked' })
      expect((await stand.store.gates())[0]).toMatchObject({ state: 'shut' })
    },
  )

  it('is as foreign as it was: nobody in it is erased', async () => {
    const theirs = stand.process('staging')
    await round(theirs)
    await theirs.guard.stop()
    const backup = await stand.shop.backUp()
    await stand.pool.query('DELETE FROM restore.markers')
    await stand.shop.as(undefined, 'DELETE FROM lethe.marker')
    await round(process)
    await stand.tombstone('u1')
    await stand.shop.restore(backup)
    await round(process)
    await round(process)
    await announce('unhooked')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'waiting', waiting: [{ code: 'marker_foreign' }] })
    expect(await people()).toEqual(['u1', 'u2'])
  })

  it('or restored from a backup that was taken behind the gate, is as old as that restore found it', async () => {
    const { markerAt } = await waitsForItsAge()
    const meanwhile = await stand.shop.backUp()
    await round(process)
    await stand.shop.restore(meanwhile)
    await round(process)
    expect(await stand.store.history('shop-pg', 10)).toHaveLength(2)
    expect(await latest()).toMatchObject({ ...tooOld, markerAt })
  })

  it('and whose gate was opened by hand since is as old as its marker: a person has decided', async () => {
    await waitsForItsAge()
    await process.restores.open(officer, (await latest())?.restoreId ?? '', 'OPS-7')
    await announce('unhooked')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened', announcedBy: 'operator' })
  })
})

describe('another copy that is announced, hooked, while one waits behind its gate', () => {
  const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT count(*)::int AS n FROM users')

  it('and does not come, ends without letting the one that waits out', async () => {
    await waitsForItsAge()
    const { restoreId } = await announce('hooked')
    await process.guard.idle()
    await expect(asApplication()).rejects.toThrow(/permission denied for database/)
    const ended = await process.restores.open(officer, restoreId, 'OPS-7')
    expect(ended).toMatchObject({ phase: 'superseded' })
    await expect(asApplication()).rejects.toThrow(/permission denied for database/)
    await round(process)
    const [gate] = await stand.store.gates()
    const waiting = (await stand.store.underWay())[0]
    expect(waiting).toMatchObject(tooOld)
    expect(gate).toMatchObject({ state: 'shut', restoreId: waiting?.restoreId })
    await process.restores.open(officer, waiting?.restoreId ?? '', 'OPS-8')
    expect(await asApplication()).toEqual([{ n: 199 }])
  })

  it('leaves the gate before the one that waits looked after: opened past Lethe, it is shut again', async () => {
    await waitsForItsAge()
    await announce('hooked')
    await process.guard.idle()
    await stand.shop.as(undefined, `GRANT CONNECT ON DATABASE ${stand.shop.name} TO PUBLIC`)
    expect(await asApplication()).toEqual([{ n: 199 }])
    await round(process)
    await expect(asApplication()).rejects.toThrow(/permission denied for database/)
    const { rows } = await stand.pool.query(`SELECT action FROM audit.restores WHERE action = 'found_open'`)
    expect(rows).toHaveLength(1)
  })
})
