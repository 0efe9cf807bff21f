import { postgres } from '@lethe/connectors/postgres'
import type { Connector } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReviewStore } from './adapters/review-store.js'
import { Copies } from './application/copies.js'
import { added, noTally } from './application/drill-tally.js'
import { round, secret } from './testing/process.js'
import { ELEMENTS, operator, Stand } from './testing/stand.js'

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
    const told = async () =>
      (
        await stand.pool.query<{ n: number; pages: number }>(
          `SELECT (SELECT count(*)::int FROM restore.replays) AS n,
             (SELECT coalesce(sum(cardinality(tombstone_ids)), 0)::int FROM restore.replay_pages) AS pages`,
        )
      ).rows[0] as { readonly n: number; readonly pages: number }
    const before = await told()
    await stand.shop.restore(backup)
    const pages: string[] = []
    stand.source.before = (after) => pages.push(after)
    await round(process)
    // To be replayed, and to be probed.
    expect(pages).toEqual(['', ''])
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
    const after = await told()
    // Of u3 the identifiers are left; the others are a batch.
    expect([after.n - before.n, after.pages - before.pages]).toEqual([0, 3])
    // With one receipt for all of them.
    expect(
      await stand.shop.as(
        undefined,
        `SELECT DISTINCT request_id FROM lethe.receipts WHERE pass_id LIKE '%.digest-%'`,
      ),
    ).toEqual([{ request_id: '@together' }])
    const { rows } = await stand.pool.query(
      'SELECT r::text FROM restore.replays r UNION ALL SELECT p::text FROM restore.replay_pages p',
    )
    expect(rows.length).toBeGreaterThan(1)
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

const erased = async (...ids: string[]) => {
  for (const id of ids) {
    await stand.tombstone(id)
    await stand.completed(id)
    stand.forget(id, known(id))
  }
}

describe('people of whom only digests are left, in a copy that is not in use', () => {
  const elements = ELEMENTS
  const copiesOf = (connector: Connector) =>
    new Copies({
      connectors: new Map([['shop-pg', connector]]),
      request: {
        section: async (_version, systemId) => ({
          version: 1,
          tenant: { none: true } as const,
          canonical: 'user_id' as const,
          system: { systemId, kind: 'postgres', connection: 'SHOP', ceiling: null, body: { elements } },
        }),
      },
      source: stand.source,
      store: stand.store,
      reviews: new ReviewStore(stand.pool),
      secret,
      incarnation: 'test',
    })
  const real = postgres as unknown as Connector
  const through = async (phase: 'replay' | 'probe', url: string, connector = real) => {
    const copies = copiesOf(connector)
    let sum = noTally
    for (let after = ''; ; ) {
      const page = await copies[phase](operator, { applyId: 'a1', systemId: 'shop-pg', url }, after)
      sum = added(sum, page.tally)
      if (page.done) return sum
      expect(page.cursor).not.toBe(after)
      after = page.cursor
    }
  }
  const inCopy = async (database: string) =>
    (await stand.shop.in(database, 'SELECT id FROM users ORDER BY id')).map(({ id }) => id)

  it('are found by a probe, erased by a replay and looked for again; who has no digests is said to be missing', async () => {
    const { backup } = await backedUp('u1', 'u2', 'u3', 'u4', 'nobody')
    for (const user of ['u1', 'u2', 'nobody']) stand.forget(user, known(user))
    stand.forget('u4', [])
    const url = stand.shop.url(undefined, backup)
    const live = await people()
    expect(await through('probe', url)).toMatchObject({
      tombstones: 5,
      unreadable: 1,
      residual: { users: 3, orders: 3 },
    })
    expect(await inCopy(backup)).toHaveLength(200)
    expect(await through('replay', url)).toMatchObject({
      tombstones: 5,
      replayed: 3,
      alreadyAbsent: 1,
      unreadable: 1,
      failed: {},
    })
    expect(await inCopy(backup)).toHaveLength(197)
    const after = await through('probe', url)
    expect(after).toMatchObject({ tombstones: 5, unreadable: 1, held: 0, inconclusive: {} })
    expect(Object.values(after.residual).every((count) => count === 0)).toBe(true)
    expect(await people()).toEqual(live)
  })

  it('are not found with another pepper: the check above would notice', async () => {
    const { backup } = await backedUp('u1')
    stand.forget('u1', known('u1'))
    stand.source.given = [{ version: 'v1', secret: 'not what the digests were made with' }]
    await through('replay', stand.shop.url(undefined, backup))
    expect(await inCopy(backup)).toContain('u1')
  })

  it('are missing, not absent, where the store can not be read this way, or all their peppers are gone', async () => {
    const { backup } = await backedUp('u1', 'u2')
    for (const user of ['u1', 'u2']) stand.forget(user, known(user))
    const url = stand.shop.url(undefined, backup)
    const without = (identifiers: undefined | (() => Promise<null>)): Connector => ({
      ...real,
      open: async (context) => Object.assign(await real.open(context), { identifiers }),
    })
    for (const connector of [without(undefined), without(async () => null)])
      for (const phase of ['replay', 'probe'] as const)
        expect(await through(phase, url, connector)).toMatchObject({
          tombstones: 2,
          unreadable: 2,
          alreadyAbsent: 0,
        })
    stand.source.given = []
    for (const phase of ['replay', 'probe'] as const)
      expect(await through(phase, url)).toMatchObject({ tombstones: 2, unreadable: 2, alreadyAbsent: 0 })
    expect(await inCopy(backup)).toHaveLength(200)
  })

  it('are left where a hold came since their page was read, and are counted so', async () => {
    const { backup } = await backedUp('u1', 'u2')
    for (const user of ['u1', 'u2']) stand.forget(user, known(user))
    const url = stand.shop.url(undefined, backup)
    const { peppers } = stand.source
    // Behind the pages: one before the store is read, one before those who match are asked for.
    stand.source.peppers = async () => {
      const one = stand.source.tombstones.get('tombstone-u1')
      if (one) stand.source.tombstones.set('tombstone-u1', { ...one, held: true })
      return peppers.call(stand.source)
    }
    for (const phase of ['replay', 'probe'] as const)
      expect(await through(phase, url)).toMatchObject({ tombstones: 2, held: 1, unreadable: 0 })
    expect(await inCopy(backup)).toContain('u1')
    expect(await inCopy(backup)).not.toContain('u2')
  })

  it('are looked for once, although whoever waits for it asks twice', async () => {
    const { backup } = await backedUp('u1')
    stand.forget('u1', known('u1'))
    let prepared = 0
    const counting: Connector = {
      ...real,
      openRestore: async (context) => {
        const session = await real.openRestore?.(context)
        if (session === undefined) throw new Error('this kind has copies')
        const prepare = async () => {
          await session.prepare()
          prepared++
        }
        return { ...session, prepare }
      },
    }
    const copies = copiesOf(counting)
    const copy = { applyId: 'a1', systemId: 'shop-pg', url: stand.shop.url(undefined, backup) }
    const { cursor } = await copies.replay(operator, copy, '')
    const { peppers } = stand.source
    let bothAreThere: () => void = () => undefined
    const waiting = new Promise<void>((resolve) => {
      bothAreThere = resolve
    })
    stand.source.peppers = () => waiting.then(() => peppers.call(stand.source))
    const asked = [copies.replay(operator, copy, cursor), copies.replay(operator, copy, cursor)]
    await expect.poll(() => prepared).toBe(3)
    bothAreThere()
    const [one, other] = await Promise.all(asked)
    expect(one).toMatchObject({ done: true, tally: { replayed: 1 } })
    expect(other).toEqual(one)
    await expect(copies.replay(operator, copy, '~what~')).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('people of whom only digests are left, in a store in use', () => {
  const swept = async (process: ReturnType<Stand['process']>) => {
    const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
    await process.sweeps.idle()
    await process.sweeps.round()
    await process.sweeps.idle()
    return process.restores.oneSweep(operator, sweepId)
  }

  it('are found by a full sweep and erased again; who is still being erased, or has no digests, is not touched', async () => {
    await erased('u1', 'u2', 'nobody')
    // Still under way.
    await stand.tombstone('u3')
    stand.forget('u3', known('u3'))
    await stand.tombstone('u4')
    await stand.completed('u4')
    stand.forget('u4', [])
    const process = stand.process()
    const sweep = await swept(process)
    expect(sweep).toMatchObject({ probed: 3, residual: 2, finishedAt: expect.any(Number) })
    const left = await people()
    expect(left).toHaveLength(198)
    expect(left).toEqual(expect.arrayContaining(['u3', 'u4']))
    expect(await latest()).toMatchObject({
      restoreId: sweep.sweepId,
      announcedBy: 'sweep',
      replayed: 2,
      unreadable: 1,
      failed: {},
    })
    stand.source.tombstones.delete('tombstone-u4')
    expect(await swept(process)).toMatchObject({ probed: 3, residual: 0, restoreId: null })
  })

  it('are left under a hold that comes between looking and erasing, and are missing where the store can not be read', async () => {
    await erased('u1', 'u2')
    const { matching } = stand.source
    let asked = 0
    stand.source.matching = async (...of) => {
      const one = stand.source.tombstones.get('tombstone-u2')
      if (++asked === 2 && one) stand.source.tombstones.set('tombstone-u2', { ...one, held: true })
      return matching.apply(stand.source, of)
    }
    await swept(stand.process())
    expect(asked).toBeGreaterThan(1)
    expect(await people()).toContain('u2')
    expect(await people()).not.toContain('u1')
    stand.source.matching = matching
    stand.source.given = []
    const one = stand.source.tombstones.get('tombstone-u2')
    if (one) stand.source.tombstones.set('tombstone-u2', { ...one, held: false })
    expect(await swept(stand.process())).toMatchObject({ residual: 0 })
    expect(await latest()).toMatchObject({ unreadable: 2, replayed: 0 })
    expect(await people()).toContain('u2')
  })

  it('are given up for a gate that shuts meanwhile, and looked for when the sweep goes on', async () => {
    await erased('u1')
    const { peppers } = stand.source
    stand.source.peppers = async () => {
      await stand.pool.query(
        `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('shop-pg', 'shut', 'enforced', 1)
         ON CONFLICT (system_id) DO UPDATE SET state = 'shut'`,
      )
      return peppers.call(stand.source)
    }
    const process = stand.process()
    const first = await swept(process)
    expect(first).toMatchObject({ finishedAt: null })
    stand.source.peppers = peppers
    await stand.pool.query(`UPDATE restore.gates SET state = 'open'`)
    await process.sweeps.round()
    await process.sweeps.idle()
    expect(await process.restores.oneSweep(operator, first.sweepId)).toMatchObject({
      finishedAt: expect.any(Number),
    })
    expect(await people()).not.toContain('u1')
  })
})
