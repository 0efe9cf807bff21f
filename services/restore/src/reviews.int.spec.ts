import { postgres } from '@lethe/connectors/postgres'
import type { Connector, EraseIo, Pass, ReplayPasses, Session } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReviewStore } from './adapters/review-store.js'
import { Copies } from './application/copies.js'
import { type RestoreProcess, restoreProcess, round, secret } from './testing/process.js'
import { officer, operator, Stand } from './testing/stand.js'

const EMAIL = 'u1@example.com'
const real = postgres as unknown as Connector

let stand: Stand
let processes: RestoreProcess[]

beforeEach(async () => {
  stand = await Stand.open()
  processes = []
  await stand.shop.as(
    undefined,
    `CREATE TABLE newsletter (email text NOT NULL, subscribed_at timestamptz, source text NOT NULL);
     INSERT INTO newsletter SELECT email, '2020-01-01', 'old' FROM users`,
  )
})
afterEach(async () => {
  for (const { guard } of processes) await guard.stop()
  await stand.close()
})

/** A map that names a creation column, or none. */
function sectionOf(dated: boolean) {
  const created = (column: string) => (dated ? { createdAt: column } : {})
  return {
    version: 1,
    tenant: { none: true } as const,
    canonical: 'user_id' as const,
    system: {
      systemId: 'shop-pg',
      kind: 'postgres',
      connection: 'SHOP',
      ceiling: null,
      body: {
        resolves: { user_id: 'users.id', email: 'users.email' },
        elements: [
          { table: 'orders', by: 'user_id', method: 'delete' },
          {
            table: 'newsletter',
            by: 'email',
            identifier: 'email',
            method: 'delete',
            ...created('subscribed_at'),
          },
          { table: 'users', by: 'id', method: 'delete', ...created('created_at') },
        ],
      },
    },
  }
}

/** A restore service with such a map, and maybe another connector. */
function service(dated: boolean, connector: Connector = real): RestoreProcess {
  const { pool, store, source } = stand
  const url = () => stand.shop.url()
  const process = restoreProcess({ pool, store, source, connector, section: sectionOf(dated), url })
  processes.push(process)
  return process
}

/** u1 stays absent, known by id and e-mail; then somebody signs up with that e-mail, as u900. */
async function erasedAndBack(): Promise<void> {
  await stand.tombstone('u1')
  await stand.completed('u1')
  const known = stand.source.tombstones.get('tombstone-u1')
  if (!known?.subject) throw new Error('nobody was erased')
  const identifiers = [...known.subject.identifiers, { type: 'email' as const, value: EMAIL }]
  stand.source.tombstones.set('tombstone-u1', { ...known, subject: { ...known.subject, identifiers } })
  await signUp('u900', 'new')
}
const signUp = (id: string, source: string) =>
  stand.shop.as(
    undefined,
    `INSERT INTO users VALUES ('${id}', '${EMAIL}', now() + interval '1 second');
     INSERT INTO orders (user_id, address) VALUES ('${id}', 'new street');
     INSERT INTO newsletter VALUES ('${EMAIL}', now() + interval '1 second', '${source}')`,
  )
/** The store of now is lost, and comes back from a backup in which both are: the person of before and who came back. */
async function comesBack(process: RestoreProcess): Promise<void> {
  await round(process)
  await erasedAndBack()
  const backup = await stand.shop.backUp()
  await round(process)
  await round(process)
  await stand.shop.restore(backup)
  await round(process)
}
const held = async () => ({
  users: (await stand.shop.as(undefined, `SELECT id FROM users WHERE email = '${EMAIL}' ORDER BY id`)).map(
    ({ id }) => id,
  ),
  newsletter: (
    await stand.shop.as(undefined, `SELECT source FROM newsletter WHERE email = '${EMAIL}' ORDER BY source`)
  ).map(({ source }) => source),
  orders: (await stand.shop.as(undefined, `SELECT 1 FROM orders WHERE user_id IN ('u1', 'u900')`)).length,
})
const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const gate = (process: RestoreProcess) => process.restores.gate(operator, 'shop-pg')

/** A connector that forgets what becomes of undated records, as one did before there was such a thing. */
const forgetful: Connector = {
  ...real,
  open: async (context) => {
    const session = await real.open(context)
    const forgotten = (batch: readonly Pass[]) => batch.map(({ undated: _forgotten, ...pass }) => pass)
    return Object.assign(Object.create(session) as Session, {
      erase: (batch: readonly Pass[], io: EraseIo) => session.erase(forgotten(batch), io),
      replay: async (passes: ReplayPasses, io: EraseIo, slot: number) =>
        (await session.replay?.({ ...passes, taken: null }, io, slot)) ?? null,
    })
  },
}

describe('somebody who signed up again under the e-mail of who was erased', () => {
  it('stays where the map names a creation column; the person of before is gone, and the gate opens by itself', async () => {
    const process = service(true)
    await comesBack(process)
    expect(await latest()).toMatchObject({ phase: 'opened', waiting: [], residual: {} })
    expect(await gate(process)).toMatchObject({ state: 'open', undecided: 0 })
    expect(await held()).toEqual({ users: ['u900'], newsletter: ['new'], orders: 1 })
    expect(await process.reviews.list(operator, null, true)).toEqual([])
  })

  it('would be erased by a connector that looks at no creation column and knows nothing undated', async () => {
    await comesBack(service(false, forgetful))
    expect(await held()).toMatchObject({ newsletter: [] })
  })

  it('is left where nobody can tell, the gate says so, and who keeps the records opens it', async () => {
    const process = service(false)
    await comesBack(process)
    expect(await latest()).toMatchObject({
      phase: 'waiting',
      waiting: [{ code: 'review', counts: { people: 1 } }],
    })
    expect(await gate(process)).toMatchObject({ state: 'shut', undecided: 1 })
    // What an id leads to is certain, and went.
    expect(await held()).toEqual({ users: ['u900'], newsletter: ['new', 'old'], orders: 1 })
    const [review] = await process.reviews.list(operator, 'shop-pg', false)
    expect(review).toMatchObject({
      requestId: 'request-u1',
      found: { users: 1, newsletter: 2 },
      decision: null,
    })
    expect(JSON.stringify(review)).not.toContain('@')
    const id = review?.reviewId ?? ''
    expect(await process.reviews.decide(operator, id, 'keep', 'OPS-7').catch(({ code }) => code)).toBe(
      'forbidden',
    )
    await process.reviews.decide(officer, id, 'keep', 'OPS-7')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened' })
    expect(await held()).toEqual({ users: ['u900'], newsletter: ['new', 'old'], orders: 1 })
    const { rows } = await stand.pool.query(
      `SELECT credential_id, detail FROM audit.restores WHERE action = 'decide'`,
    )
    expect(rows).toEqual([
      { credential_id: officer.id, detail: { reviewId: id, decision: 'keep', ticket: 'OPS-7' } },
    ])
    // Nobody asks again, and a sweep reports nobody.
    const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
    await process.sweeps.idle()
    await process.sweeps.round()
    await process.sweeps.idle()
    expect(await process.restores.oneSweep(operator, sweepId)).toMatchObject({ residual: 0, restoreId: null })
    expect(await process.reviews.list(operator, null, false)).toEqual([])
  })

  it('is found by a sweep and listed, not erased; a decision to erase is for once, and what comes later is asked anew', async () => {
    const process = service(false)
    await round(process)
    await erasedAndBack()
    await stand.shop.as(
      undefined,
      `DELETE FROM orders WHERE user_id IN ('u1', 'u900'); DELETE FROM users WHERE email = '${EMAIL}'`,
    )
    const swept = async () => {
      const { sweepId } = await process.restores.sweep(operator, 'shop-pg')
      await process.sweeps.idle()
      await process.sweeps.round()
      await process.sweeps.idle()
      return process.restores.oneSweep(operator, sweepId)
    }
    expect(await swept()).toMatchObject({ residual: 0 })
    expect(await held()).toMatchObject({ newsletter: ['new', 'old'] })
    const [review] = await process.reviews.list(operator, null, false)
    await process.reviews.decide(officer, review?.reviewId ?? '', 'erase', 'OPS-8')
    await process.sweeps.idle()
    await process.sweeps.round()
    await process.sweeps.idle()
    expect(await held()).toMatchObject({ newsletter: [] })
    const [done] = await process.reviews.list(operator, null, true)
    expect(done).toMatchObject({ decision: 'erase', doneAt: expect.any(Number) })
    expect(
      await process.reviews
        .decide(officer, review?.reviewId ?? '', 'keep', 'OPS-8')
        .catch(({ code }) => code),
    ).toBe('illegal_transition')
    await stand.shop.as(undefined, `INSERT INTO newsletter VALUES ('${EMAIL}', now(), 'later')`)
    expect(await swept()).toMatchObject({ residual: 0 })
    expect(await held()).toMatchObject({ newsletter: ['later'] })
    expect(await process.reviews.list(operator, null, false)).toMatchObject([{ decision: null }])
  })

  it('is left by a kind of store that knows of no creation, while what an id leads to is erased', async () => {
    const { undated: _unknown, ...capabilities } = real.capabilities
    const process = service(false, { ...real, capabilities })
    await comesBack(process)
    expect(await latest()).toMatchObject({ phase: 'waiting', waiting: [{ code: 'review' }] })
    expect(await held()).toEqual({ users: ['u900'], newsletter: ['new', 'old'], orders: 1 })
  })

  it('is left in a copy that is not in use as well, which is not clean until somebody decided', async () => {
    const process = service(false)
    await round(process)
    await erasedAndBack()
    const backup = await stand.shop.backUp()
    const copies = new Copies({
      connectors: new Map([['shop-pg', real]]),
      request: { section: async () => sectionOf(false) },
      source: stand.source,
      store: stand.store,
      reviews: new ReviewStore(stand.pool),
      secret,
      incarnation: 'test',
    })
    const copy = { applyId: 'a1', systemId: 'shop-pg', url: stand.shop.url(undefined, backup) }
    expect((await copies.replay(officer, copy, '')).tally).toMatchObject({ replayed: 1 })
    const probed = async () => (await copies.probe(officer, copy, '')).tally
    expect(await probed()).toMatchObject({ residual: {}, inconclusive: { undated: 1 } })
    const kept = await stand.shop.in(backup, `SELECT source FROM newsletter WHERE email = '${EMAIL}'`)
    expect(kept).toHaveLength(2)
    const [review] = await process.reviews.list(operator, null, false)
    await process.reviews.decide(officer, review?.reviewId ?? '', 'keep', 'OPS-7')
    expect((await probed()).inconclusive).toEqual({})
  })

  it('is asked about where a creation column is empty, and erased when somebody decides so', async () => {
    await stand.shop.as(undefined, `UPDATE newsletter SET subscribed_at = NULL WHERE email = '${EMAIL}'`)
    const process = service(true)
    await comesBack(process)
    const [review] = await process.reviews.list(operator, null, false)
    expect(review).toMatchObject({ found: { newsletter: 1 } })
    await process.reviews.decide(officer, review?.reviewId ?? '', 'erase', 'OPS-9')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened' })
    expect(await held()).toEqual({ users: ['u900'], newsletter: ['new'], orders: 1 })
  })
})
