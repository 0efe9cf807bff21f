import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { round } from './testing/process.js'
import { Stand } from './testing/stand.js'

let stand: Stand
beforeEach(async () => {
  stand = await Stand.open()
})
afterEach(() => stand.close())

const latest = async () => (await stand.store.history(null, 1))[0]
const people = async () =>
  (await stand.shop.as(undefined, 'SELECT id FROM users ORDER BY id')).map(({ id }) => id)

/** Lethe marks the store, a backup is taken, people are erased since, and their keys are destroyed. */
async function backedUp(...users: string[]) {
  const process = stand.process()
  await round(process)
  const backup = await stand.shop.backUp()
  await round(process)
  for (const user of users) await stand.tombstone(user)
  return { process, backup }
}
const known = (userId: string) => [
  { type: 'email', value: `${userId}@example.com` },
  { type: 'user_id', value: userId },
]

describe('people of whom only digests are left', () => {
  it('are found in a restored store by digesting what it holds, and nobody else is touched', async () => {
    const { process, backup } = await backedUp('u1', 'u2', 'u3', 'nobody')
    stand.forget('u1', known('u1'))
    stand.forget('u2', known('u2'))
    stand.forget('nobody', known('nobody'))
    const { rows: before } = await stand.pool.query('SELECT count(*)::int AS n FROM restore.replays')
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({
      phase: 'opened',
      tombstones: 4,
      replayed: 3,
      alreadyAbsent: 1,
      unreadable: 0,
    })
    expect(await people()).toHaveLength(197)
    expect(await people()).not.toEqual(expect.arrayContaining(['u1']))
    expect(await stand.shop.as(undefined, `SELECT FROM orders WHERE user_id IN ('u1', 'u2', 'u3')`)).toEqual(
      [],
    )
    const { rows: after } = await stand.pool.query('SELECT count(*)::int AS n FROM restore.replays')
    expect(after[0].n - before[0].n).toBe(3)
    const { rows } = await stand.pool.query('SELECT * FROM restore.replays')
    expect(JSON.stringify(rows)).not.toContain('@example.com')
  })

  it('are not found with another pepper: the check above would notice', async () => {
    const { process, backup } = await backedUp('u1')
    stand.forget('u1', known('u1'))
    stand.source.given = [{ version: 'v1', secret: 'not what the digests were made with' }]
    await stand.shop.restore(backup)
    await round(process)
    expect(await people()).toContain('u1')
  })

  it('keep the gate shut where not even digests are left, or none of a pepper that is known', async () => {
    const { process, backup } = await backedUp('u1', 'u2', 'u3')
    stand.forget('u1', [])
    stand.forget('u2', known('u2'))
    stand.forget('u3', known('u3'))
    const one = stand.source.tombstones.get('tombstone-u3')
    if (one?.digested) {
      const digests = one.digested.digests.map((digest) => digest.replace('v1.', 'v9.'))
      stand.source.tombstones.set('tombstone-u3', { ...one, digested: { ...one.digested, digests } })
    }
    await stand.shop.restore(backup)
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({ phase: 'waiting', replayed: 1, unreadable: 2 })
    expect(restore?.waiting.map(({ code }) => code)).toEqual(['unreadable'])
    expect(await people()).toEqual(expect.arrayContaining(['u1', 'u3']))
    expect(await people()).not.toContain('u2')
  })

  it('are counted once when the service ends between erasing and recording, and a hold that comes then is respected', async () => {
    const { process, backup } = await backedUp('u1', 'u2')
    for (const user of ['u1', 'u2']) stand.forget(user, known(user))
    await stand.shop.restore(backup)
    const { matching } = stand.source
    stand.source.matching = async () => {
      throw new Error('killed')
    }
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'replaying', tombstones: 2, unreadable: 2 })
    stand.source.matching = matching
    const one = stand.source.tombstones.get('tombstone-u2')
    if (one) {
      const { digested: _, ...rest } = one
      // Its page was read before the hold came.
      stand.source.matching = async (...asked) => {
        const page = await matching.apply(stand.source, asked)
        const tombstones = page.tombstones.map((each) =>
          each.tombstoneId === one.tombstoneId ? { ...rest, held: true } : each,
        )
        return { ...page, tombstones }
      }
    }
    await round(stand.process())
    expect(await latest()).toMatchObject({
      phase: 'waiting',
      tombstones: 2,
      replayed: 1,
      held: 1,
      unreadable: 0,
    })
    expect(await people()).toContain('u2')
    expect(await people()).not.toContain('u1')
  })
})
