import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { BatchContext, OffsetsMovedError } from '@lethe/messaging'
import { type HeadPlace, readHead, SelfWatch, verifyChain, writeHead } from '@lethe/request-log'
import type { wire } from '@lethe/schemas'
import { createLogger, PausedError } from '@lethe/service-host'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestoreStore } from './adapters/restore-store.js'
import { SelfStore } from './adapters/self-store.js'
import { Turns } from './adapters/turns.js'
import { Beating } from './application/self/beating.js'
import { lookAtChain } from './application/self/chain-check.js'
import { ChainFold, type TombstoneRecord } from './application/self/chain-fold.js'

const logger = createLogger('self-spec', { level: 'silent' })
const LATER = Date.UTC(2100, 0)

/** Lethe's database and a service on it, with backups by copying. */
class Stand {
  readonly place: HeadPlace
  private readonly folder = mkdtempSync(join(tmpdir(), 'lethe-self-'))
  private readonly watches: SelfWatch[] = []
  pool: pg.Pool

  private constructor(
    private readonly database: Awaited<ReturnType<typeof scratchDatabase>>,
    private readonly admin: pg.Pool,
  ) {
    this.place = { file: join(this.folder, 'head.json'), secret: 'the secret of the head, long enough' }
    this.pool = this.connect()
  }

  static async open(): Promise<Stand> {
    const { lethePostgresUrl } = endpoints()
    const admin = new pg.Pool({ connectionString: new URL('/postgres', lethePostgresUrl).href, max: 1 })
    return new Stand(await scratchDatabase(lethePostgresUrl), admin)
  }

  get name(): string {
    return new URL(this.database.url).pathname.slice(1)
  }

  get url(): string {
    return this.database.url
  }

  private connect(): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.database.url, max: 4 })
    pool.on('error', () => undefined)
    return pool
  }

  watch(): SelfWatch {
    const watch = new SelfWatch({ pgUrl: this.database.url, place: this.place })
    watch.guards(this.pool)
    this.watches.push(watch)
    return watch
  }

  beating(): Beating {
    const { pool, place } = this
    return new Beating({ pool, store: new SelfStore(pool), turns: new Turns(pool), place })
  }

  fold(watch: SelfWatch, graceMs = 0): ChainFold {
    const { pool, place } = this
    return new ChainFold({ pool, store: new SelfStore(pool), watch, secret: place.secret, logger, graceMs })
  }

  async backUp(): Promise<string> {
    const backup = `${this.name}_backup`
    await this.admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      this.name,
    ])
    await this.admin.query(`CREATE DATABASE ${backup} TEMPLATE ${this.name}`)
    return backup
  }

  /** The database of another day under the same name; whoever was connected has to connect anew. */
  async restore(backup: string): Promise<void> {
    await this.admin.query(`DROP DATABASE ${this.name} WITH (FORCE)`)
    await this.admin.query(`ALTER DATABASE ${backup} RENAME TO ${this.name}`)
  }

  async tombstone(tombstoneId: string): Promise<wire.ErasureTombstone> {
    const value: wire.ErasureTombstone = {
      tombstoneId,
      sequence: 1,
      prevHash: null,
      tenantId: 'acme',
      requestId: `request of ${tombstoneId}`,
      systemId: 'shop-pg',
      sealedSelectors: Buffer.from('sealed'),
      epoch: 'e1',
      mapVersion: 1,
      effectiveAt: 1,
      expiresAt: LATER,
      recurEvery: null,
      heldUntil: null,
    }
    await this.pool.query(
      `INSERT INTO read_model.tombstones (tombstone_id, request_id, system_id, tenant_id, subject_ref, sequence, epoch,
         map_version, effective_at, expires_at) VALUES ($1, $2, 'shop-pg', 'acme', 'ref', 1, 'e1', 1, 1, $3)`,
      [tombstoneId, value.requestId, LATER],
    )
    return value
  }

  async close(): Promise<void> {
    for (const watch of this.watches) await watch.close()
    await this.pool.end()
    await this.database.drop()
    await this.admin.end()
    rmSync(this.folder, { recursive: true })
  }
}

const record = (value: wire.ErasureTombstone, offset: number): TombstoneRecord => ({
  topic: 'erasure.tombstones',
  partition: 0,
  offset: String(offset),
  key: value.tombstoneId,
  headers: {},
  timestamp: 1,
  type: 'ErasureTombstone',
  value,
  raw: Buffer.alloc(0),
})
const at = (from: number, next: number) =>
  new BatchContext(
    'restore.chain',
    'erasure.tombstones',
    0,
    { from: String(from), next: String(next) },
    new AbortController().signal,
    async () => undefined,
  )

let stand: Stand
beforeEach(async () => {
  stand = await Stand.open()
})
afterEach(() => stand.close())

describe("Lethe's own database", () => {
  it('is not guarded before the first beat, and the right one after any number of them', async () => {
    const watch = stand.watch()
    expect(await watch.blocked()).toBeNull()
    expect(watch.state).toEqual({ is: 'unguarded' })
    for (let n = 0; n < 3; n++) expect(await stand.beating().beat()).toEqual({ is: 'ok' })
    await watch.look()
    expect(watch.state).toEqual({ is: 'ok' })
    expect(readHead(stand.place)).toMatchObject({ pending: null, incarnation: expect.any(String) })
  })

  it('stays the right one through a crash between file and database, on either side of the commit', async () => {
    const beating = stand.beating()
    await beating.beat()
    const head = readHead(stand.place)
    if (head === null) throw new Error('no head')
    // Announced in the file and never written to the database.
    writeHead(stand.place, { ...head, pending: 'never written' })
    const watch = stand.watch()
    await watch.look()
    expect(watch.state).toEqual({ is: 'ok' })
    // Written to the database and never confirmed in the file.
    writeHead(stand.place, { ...head, pending: 'written' })
    await stand.pool.query(`UPDATE restore.self SET beat = 'written'`)
    await watch.look()
    expect(watch.state).toEqual({ is: 'ok' })
    expect(await beating.beat()).toEqual({ is: 'ok' })
    await watch.look()
    expect(watch.state).toEqual({ is: 'ok' })
  })

  it('is found out as a copy at the first answer over a new connection, though nothing but the beat is older', async () => {
    await stand.beating().beat()
    const backup = await stand.backUp()
    await stand.beating().beat()
    await stand.beating().beat()
    const watch = stand.watch()
    await stand.pool.query('SELECT 1')
    expect(await watch.blocked()).toBeNull()
    await stand.restore(backup)
    await stand.pool.query('SELECT 1').catch(() => undefined)
    await stand.pool.query('SELECT 1')
    // Nobody looked on a schedule: the new connection was reason enough.
    expect(await watch.blocked()).toBe('lethe_restored')
    expect(watch.state).toMatchObject({ is: 'restored', reasons: ['beat', 'identity'] })
    const before = readHead(stand.place)
    expect(await stand.beating().beat()).toMatchObject({ is: 'restored' })
    expect(readHead(stand.place)).toEqual(before)
  })

  it('is not believed without its head file, nor with one that somebody changed', async () => {
    await stand.beating().beat()
    const watch = stand.watch()
    const head = readHead(stand.place)
    if (head === null) throw new Error('no head')
    writeHead({ ...stand.place, secret: 'another secret, as long as the first' }, head)
    await watch.look()
    expect(watch.state).toEqual({ is: 'restored', reasons: ['head_file_invalid'] })
    rmSync(stand.place.file)
    await watch.look()
    expect(watch.state).toEqual({ is: 'restored', reasons: ['head_file_missing'] })
    expect(await stand.beating().beat()).toMatchObject({ is: 'restored' })
  })

  it('is unknown while it does not answer, and nothing is decided then either', async () => {
    const watch = new SelfWatch({ pgUrl: 'postgres://nobody@127.0.0.1:1/none', place: stand.place })
    expect(await watch.blocked()).toBe('lethe_restored')
    expect(watch.state?.is).toBe('unknown')
    await watch.close()
  })
})

describe('the chain', () => {
  const report = () =>
    verifyChain(stand.pool, {
      secret: stand.place.secret,
      head: readHead(stand.place),
      checkpointEvery: 1_000,
    })

  it('takes what is published, once, and its head is in the file after the next beat', async () => {
    const watch = stand.watch()
    const fold = stand.fold(watch)
    const values = [await stand.tombstone('t1'), await stand.tombstone('t2')]
    const batch = values.map((value, offset) => record(value, offset))
    await fold.handle(batch, at(0, 2))
    await expect(fold.handle(batch, at(0, 2))).rejects.toBeInstanceOf(OffsetsMovedError)
    await fold.advance('erasure.tombstones', 0, '2', '5')
    await expect(fold.advance('erasure.tombstones', 0, '2', '6')).rejects.toBeInstanceOf(OffsetsMovedError)
    expect(await fold.load('erasure.tombstones', [0, 1])).toEqual(
      new Map([
        [0, '5'],
        [1, '0'],
      ]),
    )
    await stand.beating().beat()
    expect(readHead(stand.place)?.partitions).toMatchObject([{ partition: 0, nextOffset: 5, records: 2 }])
    expect(await report()).toMatchObject({ records: 2, tombstones: 2, total: 0 })
  })

  it('is called whole while it grows, and not once somebody changed it; the service may read all of it', async () => {
    const fold = stand.fold(stand.watch())
    await fold.handle([record(await stand.tombstone('t0'), 0)], at(0, 1))
    await stand.beating().beat()
    const own = new pg.Pool({ connectionString: `${stand.url}?options=-c%20role%3Dlethe_restore`, max: 1 })
    try {
      let grown = false
      const growing = (async () => {
        for (let offset = 1; offset < 60; offset++)
          await fold.handle([record(await stand.tombstone(`t${offset}`), offset)], at(offset, offset + 1))
      })().finally(() => {
        grown = true
      })
      const totals: number[] = []
      while (!grown) totals.push((await lookAtChain(own, stand.place)).total)
      await growing
      expect(totals.filter((total) => total > 0)).toEqual([])
      await stand.pool.query(`SET session_replication_role = replica;
        UPDATE restore.chain SET hash = decode(repeat('00', 32), 'hex') WHERE "offset" = 59;
        SET session_replication_role = origin`)
      const { findings } = await lookAtChain(own, stand.place)
      expect(findings.map(({ code }) => code)).toContain('head_differs')
    } finally {
      await own.end()
    }
  })

  it('knows an older copy by a tombstone on the topic that the database lacks, and lets everything wait', async () => {
    await stand.beating().beat()
    const watch = stand.watch()
    const value = await stand.tombstone('t1')
    await stand.pool.query(
      'SET session_replication_role = replica; DELETE FROM read_model.tombstones; RESET session_replication_role',
    )
    const patient = stand.fold(watch, 60_000)
    await expect(patient.handle([record(value, 0)], at(0, 1))).rejects.toBeInstanceOf(PausedError)
    expect(await watch.blocked()).toBeNull()
    await expect(stand.fold(watch).handle([record(value, 0)], at(0, 1))).rejects.toMatchObject({
      code: 'topic_ahead',
    })
    expect(await watch.blocked()).toBe('lethe_restored')
    expect(watch.state).toEqual({ is: 'restored', reasons: ['topic_ahead'] })
    await expect(stand.fold(watch).handle([], at(0, 1))).rejects.toMatchObject({ code: 'lethe_restored' })
    expect(await report()).toMatchObject({ records: 0, total: 0 })
  })

  it('is not bothered by one that has expired, which may have been collected', async () => {
    const value = { ...(await stand.tombstone('t1')), tombstoneId: 'gone', expiresAt: 1 }
    await stand.fold(stand.watch()).handle([record(value, 0)], at(0, 1))
    expect(await report()).toMatchObject({ records: 1 })
  })

  it('knows what was collected when no row of it is left: a copy from before is older than that', async () => {
    const store = new RestoreStore(stand.pool)
    expect(await store.lastCollected('shop-pg', Date.now())).toBeNull()
    expect(await store.erasedBefore('shop-pg')).toBe(false)
    await stand.pool.query(`INSERT INTO restore.collected VALUES ('shop-pg', 3, 700)`)
    expect(await store.lastCollected('shop-pg', Date.now())).toBe(700)
    expect(await store.erasedBefore('shop-pg')).toBe(true)
    await stand.tombstone('t1')
    await stand.pool.query('UPDATE read_model.tombstones SET effective_at = 900, expires_at = 901')
    expect(await store.lastCollected('shop-pg', Date.now())).toBe(900)
  })
})
