import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Restore } from './domain/restore.js'
import { round } from './testing/process.js'
import { operator, Stand } from './testing/stand.js'

let stand: Stand
/** Both of each are digested; the store has them in different tables. */
const known = (userId: string) => [
  { type: 'email', value: `${userId}@example.com` },
  { type: 'user_id', value: userId },
]

beforeEach(async () => {
  stand = await Stand.open()
  const newsletter = {
    ...{ table: 'newsletter', by: 'email', identifier: 'email', method: 'delete' },
    createdAt: 'since',
  }
  stand.maps.splice(0, 1, [newsletter])
  await stand.shop.as(
    undefined,
    `CREATE TABLE newsletter (email text NOT NULL, since timestamptz NOT NULL);
     INSERT INTO newsletter SELECT email, '2020-01-01' FROM users;
     CREATE TABLE kept (mark text);
     CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF EXISTS (SELECT FROM kept WHERE mark = md5(OLD.email)) THEN RETURN NULL; END IF; RETURN OLD; END $$;
     CREATE TRIGGER keeping BEFORE DELETE ON newsletter FOR EACH ROW EXECUTE FUNCTION keep()`,
  )
})
afterEach(() => stand.close())

const latest = async () => (await stand.store.history(null, 1))[0]
const left = async (table: 'users' | 'newsletter', column: 'id' | 'email', of: readonly string[]) =>
  (await stand.shop.as(undefined, `SELECT ${column} AS one FROM ${table} ORDER BY 1`))
    .map(({ one }) => String(one))
    .filter((one) => of.includes(one.replace('@example.com', '')))
const keep = (...users: string[]) =>
  stand.shop.as(
    undefined,
    `INSERT INTO kept VALUES ${users.map((one) => `(md5('${one}@example.com'))`).join()}`,
  )
/** Rows of somebody's own, and people of batches. */
const told = async (restoreId: string | undefined) =>
  (
    await stand.pool.query<{ rows: number; people: number }>(
      `SELECT (SELECT count(*)::int FROM restore.replays WHERE restore_id = $1) AS rows,
         (SELECT coalesce(sum(cardinality(tombstone_ids)), 0)::int FROM restore.replay_pages WHERE restore_id = $1) AS people`,
      [restoreId],
    )
  ).rows[0]
const letGo = () => stand.shop.as(undefined, 'DELETE FROM kept')

/** Lethe marks the store, a backup is taken, people are erased, their keys are destroyed, and the backup is restored. */
async function cameBack(...users: string[]) {
  const process = stand.process()
  await round(process)
  const backup = await stand.shop.backUp()
  await round(process)
  for (const user of users) {
    await stand.tombstone(user)
    stand.forget(user, known(user))
  }
  await stand.shop.restore(backup)
  return { process, backup }
}

/** Of several identifiers at once the answer comes too late, so each is asked for, erased and recorded alone. */
function oneByOne(before: (asked: number) => void | Promise<void> = () => undefined) {
  const { matching } = stand.source
  let asked = 0
  stand.source.matching = async (systemId, reason, of) => {
    const page = await matching.call(stand.source, systemId, reason, of)
    if (of.digests.length > 1) return { ...page, validUntil: 0 }
    await before(++asked)
    return page
  }
}

const sumOf = (restore: Restore | undefined) => {
  const { replayed = 0, alreadyAbsent = 0, held = 0, unreadable = 0, failed = {} } = restore ?? {}
  return Object.values(failed).reduce((sum, many) => sum + many, replayed + alreadyAbsent + held + unreadable)
}

describe('people found by one identifier after the other', () => {
  it('are counted once', async () => {
    const { process } = await cameBack('u1', 'u2')
    let times = 0
    oneByOne(() => void times++)
    await round(process)
    expect(times).toBe(6)
    expect(await latest()).toMatchObject({ phase: 'opened', tombstones: 2, replayed: 2, alreadyAbsent: 0 })
    expect(await left('newsletter', 'email', ['u1', 'u2'])).toEqual([])
  })

  it('count as failed where one of them is still there at last, though the other was erased, and keep the gate shut', async () => {
    const { process } = await cameBack('u1', 'u2', 'nobody')
    await keep('u1')
    oneByOne()
    await round(process)
    const restore = await latest()
    expect(await left('users', 'id', ['u1', 'u2'])).toEqual([])
    expect(await left('newsletter', 'email', ['u1', 'u2'])).toEqual(['u1@example.com'])
    expect(restore).toMatchObject({
      phase: 'waiting',
      ...{ tombstones: 3, replayed: 1, alreadyAbsent: 1, unreadable: 0, failed: { still_there: 1 } },
    })
    expect(restore?.waiting.map(({ code }) => code)).toEqual(['failed'])
    // It opens by itself when they are gone, and says whom it erased in all.
    await letGo()
    await process.restores.retry(operator, restore?.restoreId ?? '')
    await round(process)
    expect(await latest()).toMatchObject({
      phase: 'opened',
      ...{ tombstones: 3, replayed: 2, alreadyAbsent: 1, failed: {} },
    })
  })

  it('count as failed each time the replay is run again', async () => {
    const { process } = await cameBack('u1')
    await keep('u1')
    for (let run = 1; run <= 3; run++) {
      await round(process)
      const restore = await latest()
      expect(restore).toMatchObject({ run, phase: 'waiting', tombstones: 1, failed: { still_there: 1 } })
      await process.restores.retry(operator, restore?.restoreId ?? '')
    }
  })

  it('are counted once, and tried again where they failed, when the process dies in between', async () => {
    const users = ['u1', 'u2', 'u3', 'nobody']
    const { process, backup } = await cameBack(...users)
    const { matching } = stand.source
    const seen: object[] = []
    // Two of them are found again by a second and a third reading, and fail there; the first before the last one is asked for.
    for (const deadAt of [3, 6, 12, 13]) {
      await stand.shop.restore(backup)
      await keep('u2', 'u3')
      oneByOne((asked) => {
        if (asked >= deadAt) throw new Error('killed')
      })
      const dying = stand.process()
      await round(dying)
      await dying.guard.stop()
      const dead = await latest()
      expect(dead).toMatchObject({ phase: 'replaying', tombstones: 4 })
      expect(sumOf(dead)).toBe(4)
      seen.push(dead?.failed ?? {})
      stand.source.matching = matching
      oneByOne()
      await letGo()
      const next = stand.process()
      await round(next)
      await next.guard.stop()
      stand.source.matching = matching
      const restore = await latest()
      expect({ deadAt, ...restore }).toMatchObject({ phase: 'opened', run: 1, replayed: 3, alreadyAbsent: 1 })
      expect(restore).toMatchObject({ tombstones: 4, held: 0, unreadable: 0, failed: {} })
      expect(Object.keys(restore?.failed ?? {})).toEqual([])
      expect(await left('newsletter', 'email', users)).toEqual([])
      expect(await told(restore?.restoreId)).toEqual({ rows: 0, people: 3 })
    }
    expect(seen).toEqual([{}, {}, {}, { still_there: 1 }])
    await process.guard.stop()
  })

  it('are looked for to the end by whoever goes on, although all of them were counted before', async () => {
    const { process } = await cameBack('u1')
    await keep('u1')
    const { matching } = stand.source
    oneByOne((asked) => {
      if (asked === 3) throw new Error('killed')
    })
    await round(process)
    await process.guard.stop()
    expect(await latest()).toMatchObject({ phase: 'replaying', replayed: 1, unreadable: 0 })
    stand.source.matching = matching
    await round(stand.process())
    expect(await left('newsletter', 'email', ['u1'])).toEqual(['u1@example.com'])
    const failed = { still_there: 1 }
    expect(await latest()).toMatchObject({ phase: 'waiting', tombstones: 1, replayed: 0, failed })
  })

  it('count as held where a hold comes behind the first of them', async () => {
    const { process } = await cameBack('u1', 'nobody')
    oneByOne((asked) => {
      const one = stand.source.tombstones.get('tombstone-u1')
      if (asked === 1 && one) stand.source.tombstones.set('tombstone-u1', { ...one, held: true })
    })
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({ phase: 'waiting', replayed: 0, held: 1, alreadyAbsent: 1, unreadable: 0 })
    expect(restore?.waiting.map(({ code }) => code)).toEqual(['held'])
  })

  it('are held, and not absent, where the hold comes when the process is dead', async () => {
    const { process } = await cameBack('u1', 'u2', 'nobody')
    const { matching } = stand.source
    oneByOne(() => {
      throw new Error('killed')
    })
    await round(process)
    await process.guard.stop()
    stand.source.matching = matching
    const one = stand.source.tombstones.get('tombstone-u2')
    if (one) stand.source.tombstones.set('tombstone-u2', { ...one, held: true })
    await round(stand.process())
    const restore = await latest()
    expect(await left('users', 'id', ['u1', 'u2'])).toEqual(['u2'])
    expect(restore).toMatchObject({ phase: 'waiting', tombstones: 3, replayed: 1, held: 1, alreadyAbsent: 1 })
    expect(restore?.waiting.map(({ code }) => code)).toEqual(['held'])
  })
})
