import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { officer, operator, Stand } from './testing/stand.js'

let stand: Stand
beforeEach(async () => {
  stand = await Stand.open()
})
afterEach(() => stand.close())

const round = async (process: ReturnType<Stand['process']>) => {
  await process.guard.round()
  await process.guard.idle()
}
const people = async () =>
  (await stand.shop.as(undefined, 'SELECT id FROM users ORDER BY id')).map(({ id }) => id)
const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT count(*)::int AS n FROM users')
const digest = async () =>
  (
    await stand.shop.as(
      undefined,
      `SELECT md5(string_agg(t, '|')) AS d FROM (
         SELECT u::text AS t FROM users u WHERE id NOT IN ('u1', 'u2') UNION ALL
         SELECT o::text FROM orders o WHERE user_id NOT IN ('u1', 'u2') ORDER BY 1) AS everyone`,
    )
  )[0]?.d
const latest = async () => (await stand.store.history('shop-pg', 1))[0]

/** A shop that Lethe watches, backed up, and u1 and u2 erased since. */
async function erasedSinceBackup(
  process = stand.process(),
): Promise<{ backup: string; process: typeof process }> {
  await round(process)
  const backup = await stand.shop.backUp()
  await round(process)
  for (const id of ['u1', 'u2']) await stand.tombstone(id)
  await stand.shop.as(undefined, `DELETE FROM orders WHERE user_id IN ('u1', 'u2')`)
  await stand.shop.as(undefined, `DELETE FROM users WHERE id IN ('u1', 'u2')`)
  await round(process)
  expect(await stand.store.history(null, 10)).toEqual([])
  return { backup, process }
}

describe('a restored store', () => {
  it('is recognised, shut, cleaned of the erased, probed, and opened by itself; everyone else is as restored', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    const restored = await digest()
    expect(await people()).toContain('u1')
    await round(process)
    expect(await latest()).toMatchObject({
      announcedBy: 'marker',
      gateMode: 'unhooked',
      phase: 'opened',
      tombstones: 2,
      replayed: 2,
      alreadyAbsent: 0,
      residual: {},
      windowMs: expect.any(Number),
    })
    expect(await people()).toHaveLength(198)
    expect(await people()).not.toContain('u1')
    expect(await digest()).toBe(restored)
    expect(await asApplication()).toEqual([{ n: 198 }])
    await round(process)
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })

  it('lets nobody in while its gate is shut, ends who was inside, and gives back exactly the rights there were', async () => {
    const { backup, process } = await erasedSinceBackup()
    const rights = `SELECT datacl::text FROM pg_database WHERE datname = current_database()`
    await stand.tombstone('u3', { held: true })
    await stand.shop.restore(backup)
    const before = await stand.shop.as(undefined, rights)
    const inside = stand.shop.as(stand.shop.app, 'SELECT pg_sleep(60)').catch((error: Error) => error.message)
    await expect
      .poll(
        async () =>
          (
            await stand.shop.as(
              undefined,
              `SELECT 1 AS n FROM pg_stat_activity WHERE usename = '${stand.shop.app}'`,
            )
          ).length,
      )
      .toBe(1)
    await round(process)
    expect(await inside).toMatch(/terminat/)
    expect(await latest()).toMatchObject({ phase: 'waiting', sessionsEnded: 1, held: 1, replayed: 2 })
    await expect(asApplication()).rejects.toThrow(/permission denied for database/)
    const restore = await latest()
    await process.restores.open(officer, restore?.restoreId ?? '', 'OPS-7')
    expect(await asApplication()).toEqual([{ n: 198 }])
    // NULL is PostgreSQL's own default: PUBLIC may connect.
    const after = await stand.shop.as(undefined, rights)
    expect(String(after[0]?.datacl)).toContain('=Tc/')
    expect(before[0]?.datacl).toBeNull()
  })

  it('goes on after a crash in any phase, with the true counts', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    let pages = 0
    stand.source.before = () => {
      if (pages++ < 2) throw new Error('killed')
    }
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'replaying' })
    await round(stand.process())
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'opened', tombstones: 2, replayed: 2 })
    expect(await people()).toHaveLength(198)
  })

  it('that ends between erasing a page of several batches and recording it tells everybody once, with the true counts', async () => {
    const { backup, process } = await erasedSinceBackup()
    for (let n = 3; n <= 150; n++) await stand.tombstone(`u${n}`)
    await stand.shop.restore(backup)
    const recordPage = stand.store.recordPage.bind(stand.store)
    stand.store.recordPage = () => Promise.reject(new Error('killed'))
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'replaying', replayed: 0 })
    expect(await people()).toHaveLength(50)
    stand.store.recordPage = recordPage
    // Somebody comes under a hold meanwhile, so that the batches are parted in another place.
    const one = stand.source.tombstones.get('tombstone-u77')
    if (one) stand.source.tombstones.set('tombstone-u77', { ...one, held: true, subject: null })
    await round(stand.process())
    expect(await latest()).toMatchObject({ tombstones: 150, held: 1, replayed: 149, alreadyAbsent: 0 })
  })

  it('goes on after a kill behind any step, with the true counts, and nobody is let in before the end', async () => {
    const { backup, process } = await erasedSinceBackup()
    await process.guard.stop()
    for (let steps = 1, died = true; died; steps++) {
      await stand.shop.restore(backup)
      const life = { left: steps }
      await round(stand.process('test', undefined, null, life)).catch(() => undefined)
      died = life.left <= 0
      const left = await latest()
      // Whoever gets in meets nobody, or nobody had looked yet.
      if (left?.shutAt != null && left.phase !== 'opened' && (await stand.store.gates())[0]?.state === 'shut')
        expect((await asApplication().catch(() => null)) ?? [{ n: 198 }]).toEqual([{ n: 198 }])
      const next = stand.process()
      await expect
        .poll(() => round(next).then(latest), { timeout: 30_000, interval: 10 })
        .toMatchObject({ phase: 'opened', tombstones: 2, replayed: 2, residual: {}, failed: {} })
      expect({ steps, people: (await people()).length }).toEqual({ steps, people: 198 })
      expect(await asApplication()).toEqual([{ n: 198 }])
      await next.guard.stop()
    }
  }, 240_000)

  it('has every tombstone applied, in whatever order and time they took effect', async () => {
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    // Granted before the backup and done after it; done later than one that was asked for later.
    await stand.tombstone('u2', { effectiveAt: Date.now() - 3_600_000 })
    await stand.tombstone('u1', { effectiveAt: Date.now() })
    await stand.tombstone('u3', { effectiveAt: Date.now() - 60_000 })
    for (const id of ['u1', 'u2', 'u3']) {
      await stand.shop.as(undefined, `DELETE FROM orders WHERE user_id = '${id}'`)
      await stand.shop.as(undefined, `DELETE FROM users WHERE id = '${id}'`)
    }
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 3 })
    expect(await people()).toHaveLength(197)
  })

  it('that hides behind a second restore is cleaned too: what was known of the first is superseded', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.tombstone('u3', { held: true })
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'waiting' })
    await stand.shop.restore(backup)
    stand.source.tombstones.delete('tombstone-u3')
    await round(process)
    const [second, first] = await stand.store.history(null, 10)
    expect(first).toMatchObject({ phase: 'superseded' })
    expect(second).toMatchObject({ phase: 'opened', replayed: 2 })
    expect(await asApplication()).toEqual([{ n: 198 }])
  })
})

describe('a copy that is taken and put back between two looks', () => {
  it('shows the right marker, and is recognised by its database all the same', async () => {
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await stand.tombstone('u1')
    await stand.shop.as(
      undefined,
      `DELETE FROM orders WHERE user_id = 'u1'; DELETE FROM users WHERE id = 'u1'`,
    )
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ announcedBy: 'marker', phase: 'opened', replayed: 1 })
    expect(await people()).toHaveLength(199)
    await round(process)
    await round(stand.process())
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })

  it('into the same database is recognised by the table of the marker', async () => {
    const process = stand.process()
    await round(process)
    await stand.tombstone('u1')
    await stand.shop.as(
      undefined,
      `CREATE TABLE lethe.other (LIKE lethe.marker INCLUDING ALL); INSERT INTO lethe.other SELECT * FROM lethe.marker;
       DROP TABLE lethe.marker; ALTER TABLE lethe.other RENAME TO marker`,
    )
    await round(process)
    expect(await latest()).toMatchObject({ announcedBy: 'marker', phase: 'opened', replayed: 1 })
  })
})

describe('a table', () => {
  const LEGACY = { table: 'letters', by: 'user_id', method: 'delete' }
  const letters = () => stand.shop.as(undefined, 'SELECT user_id FROM letters ORDER BY 1')
  const makeLetters = () =>
    stand.shop.as(
      undefined,
      `CREATE TABLE letters (user_id text REFERENCES users, body text);
       INSERT INTO letters SELECT 'u' || n, 'dear ' || n FROM generate_series(1, 4) n`,
    )

  it('that only the data map of the backup knows is erased from as well, by whoever was erased since', async () => {
    await makeLetters()
    stand.maps.splice(0, 1, [LEGACY])
    const before = stand.process()
    await round(before)
    const backup = await stand.shop.backUp()
    await round(before)
    await before.guard.stop()
    await stand.shop.as(undefined, 'DROP TABLE letters')
    stand.maps.push([])
    const process = stand.process()
    await round(process)
    for (const id of ['u1', 'u2']) {
      await stand.tombstone(id, { mapVersion: 2 })
      await stand.shop.as(undefined, `DELETE FROM orders WHERE user_id = '${id}'`)
      await stand.shop.as(undefined, `DELETE FROM users WHERE id = '${id}'`)
    }
    await round(process)
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 2, markerMap: 1, failed: {} })
    expect(await letters()).toEqual([{ user_id: 'u3' }, { user_id: 'u4' }])
    expect(await people()).toHaveLength(198)
  })

  it('that is gone since somebody was erased under it keeps no later copy shut', async () => {
    await makeLetters()
    stand.maps.splice(0, 1, [LEGACY], [])
    await stand.shop.as(undefined, 'DROP TABLE letters')
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    await stand.tombstone('u1', { mapVersion: 1 })
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 1, markerMap: 2 })
    expect(await people()).not.toContain('u1')
  })
})

describe('a replay under an older data map', () => {
  const LETTERS = { table: 'letters', by: 'reader', method: 'delete' }
  const BILLS = {
    table: 'bills',
    by: 'user_id',
    method: 'retain',
    retain: { ground: '17(3)(b)', citation: 'tax law' },
  }
  const letters = `CREATE TABLE letters (reader text, body text);
     INSERT INTO letters SELECT 'u' || n, 'dear ' || n FROM generate_series(1, 4) n;`
  const keepLetters = `
     CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER keep BEFORE DELETE ON letters FOR EACH ROW EXECUTE FUNCTION keep()`

  /** Backed up under the first of these maps; u1, u2, … erased under the versions named; restored under the last. */
  async function restoredLater(
    maps: readonly (readonly object[])[],
    erasedUnder: readonly number[],
    tables: string,
  ) {
    await stand.shop.as(undefined, tables)
    stand.maps.splice(0, 1, maps[0] ?? [])
    const before = stand.process()
    await round(before)
    const backup = await stand.shop.backUp()
    await round(before)
    await before.guard.stop()
    stand.maps.push(...maps.slice(1))
    const process = stand.process()
    await round(process)
    for (const [at, mapVersion] of erasedUnder.entries()) await stand.tombstone(`u${at + 1}`, { mapVersion })
    await stand.shop.restore(backup)
    await round(process)
  }

  it.each([
    ['the one of the copy', [[LETTERS], []], [2]],
    ['the one somebody was erased under', [[], [LETTERS], []], [2]],
  ] as const)(
    'keeps its gate shut while somebody is in a table that only %s knows, and names it',
    async (_whose, maps, erasedUnder) => {
      await restoredLater(maps, erasedUnder, letters + keepLetters)
      expect(await latest()).toMatchObject({ phase: 'waiting', residual: { letters: 1 } })
      expect((await latest())?.waiting.map(({ code }) => code)).toContain('residual')
      await expect(asApplication()).rejects.toThrow(/permission denied/)
      expect(await people()).not.toContain('u1')
    },
  )

  it('takes what only the map in force says for what it is', async () => {
    const bills = `CREATE TABLE bills (user_id text, email text, approved_by text REFERENCES users);
      INSERT INTO bills VALUES ('u1', 'u1@example.com', NULL)`
    await restoredLater([[LETTERS], [BILLS]], [1], letters + bills)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 1, residual: {} })
  })

  it('writes what the map in force writes, where both overwrite the same column', async () => {
    const masked = (body: string | null) => [
      { table: 'letters', by: 'reader', method: 'redact', set: { body } },
    ]
    await restoredLater([masked(null), masked('gone')], [1], letters)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 1, residual: {} })
    expect(await stand.shop.as(undefined, `SELECT body FROM letters WHERE reader = 'u1'`)).toEqual([
      { body: 'gone' },
    ])
  })

  it.each([
    ['retains', { method: 'retain' }, 'dear 1'],
    ['keeps, but for what it overwrites', { method: 'redact', set: { body: 'gone' } }, 'gone'],
  ] as const)('leaves what the map in force %s, though an older one deleted it', async (_, kept, body) => {
    const retain = { ground: '17(3)(b)', citation: 'a law' }
    await restoredLater([[LETTERS], [{ ...LETTERS, ...kept, retain }]], [1, 2], letters)
    expect(await latest()).toMatchObject({ phase: 'opened', tombstones: 2, residual: {} })
    expect(await stand.shop.as(undefined, `SELECT body FROM letters WHERE reader = 'u1'`)).toEqual([{ body }])
  })

  it('takes a column that the copy does not have for one that holds nobody', async () => {
    const other = [{ table: 'letters', by: 'reader_no', method: 'delete' }]
    await restoredLater([[], other, [LETTERS]], [2], letters)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 1, residual: {} })
  })

  it('keeps its gate shut when a column of the map in force is gone, and says what to do', async () => {
    const other = [{ table: 'letters', by: 'reader_no', method: 'delete' }]
    await restoredLater([[LETTERS], other], [1], letters)
    expect(await latest()).toMatchObject({ phase: 'replaying', waiting: [{ code: 'failed' }] })
    expect((await latest())?.waiting[0]?.detail).toMatch(/letters.reader_no .* put it back, or/)
    await expect(asApplication()).rejects.toThrow(/permission denied/)
  })

  it('of five versions erases under each of them', async () => {
    const tables = [1, 2, 3, 4, 5].map((n) => `kept${n}`)
    const maps = [...tables.map((table) => [{ ...LETTERS, table }]), []]
    const filled = tables.map(
      (table, at) =>
        `CREATE TABLE ${table} (reader text); INSERT INTO ${table} VALUES ('u${at + 1}'), ('u9')`,
    )
    await restoredLater(maps, [1, 2, 3, 4, 5], filled.join(';'))
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 5, failed: {}, residual: {} })
    for (const table of tables)
      expect(await stand.shop.as(undefined, `SELECT reader FROM ${table}`)).toEqual([{ reader: 'u9' }])
  })
})

describe('a hold', () => {
  it('that may have come since a page was read stops it: the page is read again, smaller, and everybody is done once', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    const limits: number[] = []
    const page = stand.source.page.bind(stand.source)
    stand.source.page = async (systemId, reason, after, limit) => {
      limits.push(limit)
      // The first two pages are too old before anybody of them can be erased.
      stand.source.lifeMs = limits.length <= 2 ? -1 : 60_000
      return page(systemId, reason, after, limit)
    }
    await round(process)
    expect(limits.slice(0, 3)).toEqual([5_000, 1_250, 312])
    expect(await latest()).toMatchObject({ phase: 'opened', tombstones: 2, replayed: 2, failed: {} })
    expect(await people()).toHaveLength(198)
  })
})

describe('two instances', () => {
  it('never take each other’s markers for foreign, and one restore is done once', async () => {
    const { backup, process } = await erasedSinceBackup()
    const second = stand.process()
    for (let n = 0; n < 15; n++) await Promise.all([round(process), round(second)])
    expect(await stand.store.history(null, 10)).toEqual([])
    await stand.shop.restore(backup)
    await Promise.all([round(process), round(second)])
    await Promise.all([round(process), round(second)])
    expect(await stand.store.history(null, 10)).toMatchObject([
      { phase: 'opened', run: 1, tombstones: 2, replayed: 2 },
    ])
  })
})

describe('a process that dies between announcing a marker and confirming it', () => {
  it('twice in a row is no restore', async () => {
    const { process } = await erasedSinceBackup()
    const confirm = stand.store.confirmMarker.bind(stand.store)
    stand.store.confirmMarker = () => Promise.reject(new Error('killed'))
    await round(process)
    stand.store.confirmMarker = confirm
    const announce = stand.store.announceMarker.bind(stand.store)
    stand.store.announceMarker = async (...given) => {
      await announce(...given)
      throw new Error('killed')
    }
    await round(stand.process())
    stand.store.announceMarker = announce
    await round(stand.process())
    expect(await stand.store.history(null, 10)).toEqual([])
  })
})

describe('a gate stays shut', () => {
  it('when yet another copy comes in while the first one is replayed: that is a restore of its own', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    let pages = 0
    stand.source.during = async () => {
      if (++pages !== 2) return
      await stand.shop.restore(backup)
      // Shut as it was, so that nothing but the marker tells.
      await stand.shop.as(undefined, `REVOKE CONNECT ON DATABASE ${stand.shop.name} FROM PUBLIC`)
    }
    await round(process)
    await round(process)
    const [second, first] = await stand.store.history(null, 10)
    expect(first).toMatchObject({ phase: 'superseded' })
    expect(second).toMatchObject({ phase: 'opened', replayed: 2 })
    expect(await people()).not.toContain('u1')
  })

  it('when the copy is older than a tombstone that was collected, until somebody opens it under a ticket', async () => {
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    await stand.tombstone('u1', { effectiveAt: Date.now() + 1_000, expiresAt: Date.now() - 1 })
    await stand.shop.restore(backup)
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({ phase: 'waiting', waiting: [{ code: 'older_than_collected' }] })
    const id = restore?.restoreId ?? ''
    await expect(process.restores.open(operator, id, 'OPS-7')).rejects.toMatchObject({
      code: 'forbidden',
    })
    await process.restores.open(officer, id, 'OPS-7')
    expect(await latest()).toMatchObject({ phase: 'opened' })
    const { rows } = await stand.pool.query('SELECT credential_id, action, detail FROM audit.restores')
    expect(rows).toEqual([
      {
        credential_id: 'pia',
        action: 'open',
        detail: { ticket: 'OPS-7', codes: ['older_than_collected'] },
      },
    ])
  })

  it('when the copy was never marked although Lethe has erased in it', async () => {
    const bare = await stand.shop.backUp()
    const { process } = await erasedSinceBackup()
    await stand.shop.restore(bare)
    await round(process)
    expect(await latest()).toMatchObject({
      phase: 'waiting',
      waiting: [{ code: 'marker_unknown' }],
      replayed: 2,
    })
  })

  it('when another installation wrote the marker', async () => {
    const theirs = stand.process('staging')
    await round(theirs)
    await theirs.guard.stop()
    const backup = await stand.shop.backUp()
    await stand.pool.query('DELETE FROM restore.markers')
    await stand.shop.as(undefined, 'DELETE FROM lethe.marker')
    const ours = stand.process('production')
    await round(ours)
    await stand.shop.restore(backup)
    await round(ours)
    expect(await latest()).toMatchObject({ phase: 'waiting', waiting: [{ code: 'marker_foreign' }] })
  })

  it('over a ceiling, unless a second approver had let that person be erased above it', async () => {
    const process = stand.process('test', undefined, 1)
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    await stand.tombstone('u1', { ceilingWaived: true })
    await stand.tombstone('u2')
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'waiting', failed: { over_ceiling: 1 }, replayed: 1 })
    expect(await people()).not.toContain('u1')
    expect(await people()).toContain('u2')
    await stand.tombstone('u2', { ceilingWaived: true })
    await process.restores.retry(operator, (await latest())?.restoreId ?? '')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened' })
    expect(await people()).not.toContain('u2')
  })

  it('while the copy does not fit the data map, says why, and goes on when it does', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    await stand.shop.as(undefined, 'ALTER TABLE orders RENAME TO orders_away')
    await round(process)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'replaying', waiting: [{ code: 'failed' }] })
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    await stand.shop.as(undefined, 'ALTER TABLE orders_away RENAME TO orders')
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 2 })
  })

  it('while somebody it can not end is still filling the copy', async () => {
    const { backup, process } = await erasedSinceBackup()
    await process.guard.stop()
    await stand.shop.restore(backup)
    const filling = await stand.shop.asSuperuser()
    const ordinary = stand.process('test', await stand.shop.replayRole())
    await round(ordinary)
    expect(await latest()).toMatchObject({ phase: 'announced' })
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    // Nobody else gets in from here on: what is waited for now is no part of the window.
    const windowMs = (await latest())?.windowMs
    expect(windowMs).toEqual(expect.any(Number))
    await filling.end()
    await round(ordinary)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 2, windowMs })
  })

  it('when somebody got in behind the replay: all of it starts over', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    let pages = 0
    stand.source.during = async () => {
      // The second page is what the probe reads: by then the replay is done.
      if (++pages !== 2) return
      await stand.shop.as(undefined, `GRANT CONNECT ON DATABASE ${stand.shop.name} TO PUBLIC`)
      await stand.shop.as(undefined, `INSERT INTO users VALUES ('u1', 'u1@example.com', '2020-01-01')`)
    }
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'opened', run: 2, replayed: 2, alreadyAbsent: 0 })
    expect(await people()).not.toContain('u1')
  })

  it('while probes find somebody, and opens when a second run finds nobody', async () => {
    const { backup, process } = await erasedSinceBackup()
    await stand.shop.restore(backup)
    await stand.shop.as(
      undefined,
      `
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.user_id = ''u1'' THEN RETURN NULL; END IF; RETURN OLD; END';
      CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()`,
    )
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({ phase: 'waiting' })
    expect(restore?.waiting.map(({ code }) => code)).toContain('residual')
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    await stand.shop.as(undefined, 'DROP TRIGGER keep ON orders')
    await process.restores.retry(operator, restore?.restoreId ?? '')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened', residual: {} })
    expect(await people()).toHaveLength(198)
  })
})

describe('silence', () => {
  it('is unknown: a store that does not answer shuts and opens nothing', async () => {
    const { backup, process } = await erasedSinceBackup()
    await process.guard.stop()
    const other = stand.process()
    await stand.shop.restore(backup)
    const name = stand.shop.name
    Object.assign(stand.shop, { name: `${name}_gone` })
    await round(other)
    Object.assign(stand.shop, { name })
    expect(await stand.store.history(null, 10)).toEqual([])
    expect(await stand.store.gates()).toEqual([])
  })

  it('of a store that refuses the credentials is unknown as well', async () => {
    const { backup, process } = await erasedSinceBackup()
    await process.guard.stop()
    await stand.shop.restore(backup)
    await round(stand.process('test', 'nobody_of_this_name'))
    expect(await stand.store.history(null, 10)).toEqual([])
    expect(await stand.store.gates()).toEqual([])
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 2 })
  })
})
