import { randomBytes } from 'node:crypto'
import { inTransaction } from '@lethe/event-store'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Head } from '../head/head-file.js'
import { OffsetConflict } from '../inbox/offsets.js'
import {
  freezePlan,
  grantFirstStep,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  T0,
} from '../testing/fixtures.js'
import { appendToChain, CHECKPOINT_EVERY } from './append.js'
import type { ChainFinding } from './findings.js'
import { type ChainLink, contentOf } from './link.js'
import { verifyChain } from './verify.js'
import { verifyLinksAtOnce } from './verify-links.js'
import { verifyProjection } from './verify-projection.js'

const SECRET = randomBytes(32).toString('hex')

const link = (
  partition: number,
  offset: number,
  sequence = 1,
  tombstoneId = `t${partition}-${offset}`,
): ChainLink => ({
  partition,
  offset,
  tombstoneId,
  sequence,
  content: Buffer.alloc(32, offset % 251),
  collected: false,
})

let database: Awaited<ReturnType<typeof scratchDatabase>>
let pool: Pool
beforeAll(async () => {
  database = await scratchDatabase(endpoints().lethePostgresUrl)
  pool = new Pool({ connectionString: database.url, max: 2 })
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
})

async function append(partition: number, links: readonly ChainLink[], next?: number): Promise<void> {
  const { rows } = await pool.query('SELECT next_offset FROM restore.chain_heads WHERE partition = $1', [
    partition,
  ])
  const from = Number(rows[0]?.next_offset ?? 0)
  const end = next ?? (links.at(-1)?.offset ?? from - 1) + 1
  await inTransaction(pool, (client) =>
    appendToChain(client, SECRET, { partition, from, next: end }, links, T0),
  )
}

async function outside(): Promise<Head> {
  const { rows } = await pool.query('SELECT * FROM restore.chain_heads ORDER BY partition')
  const partitions = rows.map((row) => ({
    partition: row.partition,
    nextOffset: Number(row.next_offset),
    records: Number(row.records),
    hash: row.hash.toString('hex'),
    live: row.live.toString('hex'),
  }))
  return {
    incarnation: 'i',
    current: 'b',
    previous: null,
    pending: null,
    identity: 'x',
    writtenAt: T0,
    partitions,
  }
}

const verify = async (head: Head | null, secret = SECRET): Promise<ChainFinding['code'][]> => {
  const report = await verifyChain(pool, { secret, head, checkpointEvery: CHECKPOINT_EVERY })
  return [...new Set(report.findings.map(({ code }) => code))].sort()
}

const told = async (head: Head | null): Promise<ChainFinding['code'][]> => {
  const report = await verifyLinksAtOnce(pool, { secret: SECRET, head, checkpointEvery: CHECKPOINT_EVERY })
  return [...new Set(report.findings.map(({ code }) => code))].sort()
}

/** Offsets leave holes, as compaction and dead letters do; some tombstones change, one comes again as it was before. */
const story = (partition: number): ChainLink[] => [
  link(partition, 0),
  link(partition, 1),
  link(partition, 4, 2, `t${partition}-0`),
  link(partition, 5, 1, `t${partition}-0`),
  link(partition, 9),
]

describe('the chain of tombstones', () => {
  beforeEach(async () => {
    // As the owner of the server, which no service is: nothing else may take records out.
    await pool.query(`SET session_replication_role = replica;
      DELETE FROM restore.chain; DELETE FROM restore.chain_heads; DELETE FROM restore.checkpoints;
      SET session_replication_role = origin`)
    for (const partition of [0, 1]) await append(partition, story(partition))
    // In pieces the chain is what it is in one.
    await append(2, story(2).slice(0, 2))
    await append(2, story(2).slice(2), 20)
    await append(
      1,
      Array.from({ length: CHECKPOINT_EVERY }, (_, n) => link(1, 10 + n)),
    )
  })

  it('is what it was when nobody touched it, with and without the head outside', async () => {
    expect(await verify(await outside())).toEqual([])
    expect(await verify(null)).toEqual([])
    expect(await told(await outside())).toEqual([])
    expect(await told(null)).toEqual([])
  })

  it('goes on from its head only, and only for whoever knows where it is', async () => {
    const again = inTransaction(pool, (client) =>
      appendToChain(client, SECRET, { partition: 0, from: 3, next: 12 }, [link(0, 11)], T0),
    )
    await expect(again).rejects.toBeInstanceOf(OffsetConflict)
    expect(await verify(await outside())).toEqual([])
  })

  it('has the same sum over what is live, whichever older records compaction has taken', async () => {
    const sum = async (partition: number) =>
      (await pool.query('SELECT live FROM restore.chain_heads WHERE partition = $1', [partition])).rows[0]
        .live
    // Partition 0 as compaction could leave it: of t0-0 only the youngest is left.
    const rename = (one: ChainLink) => ({ ...one, partition: 7 })
    await append(
      7,
      story(0)
        .filter(({ offset }) => offset !== 0)
        .map(rename),
    )
    expect((await sum(7)).equals(await sum(0))).toBe(true)
    await append(7, [rename(link(0, 30))])
    expect((await sum(7)).equals(await sum(0))).toBe(false)
  })

  /** Each of them somebody with all rights in the database could do; the codes are what it is called. */
  const mutants: readonly (readonly [string, string, readonly ChainFinding['code'][]])[] = [
    [
      'a content that was changed',
      `UPDATE restore.chain SET content = decode(repeat('00', 32), 'hex') WHERE partition = 0 AND "offset" = 1`,
      ['head_differs', 'link_broken'],
    ],
    [
      'a sequence that was raised',
      'UPDATE restore.chain SET sequence = 9 WHERE partition = 0 AND "offset" = 1',
      ['head_differs', 'link_broken'],
    ],
    [
      'a tombstone called collected',
      'UPDATE restore.chain SET collected = true WHERE partition = 0 AND "offset" = 1',
      ['link_broken'],
    ],
    [
      'a record given to somebody else',
      `UPDATE restore.chain SET tombstone_id = 'other' WHERE partition = 0 AND "offset" = 1`,
      ['head_differs', 'link_broken'],
    ],
    [
      'a hash that was changed',
      `UPDATE restore.chain SET hash = decode(repeat('00', 32), 'hex') WHERE partition = 0 AND "offset" = 1`,
      ['link_broken'],
    ],
    [
      'a record that was dropped',
      'DELETE FROM restore.chain WHERE partition = 0 AND "offset" = 1',
      ['link_broken', 'truncated'],
    ],
    [
      'two records that changed places',
      `UPDATE restore.chain SET "offset" = CASE "offset" WHEN 0 THEN 1001 ELSE 1000 END WHERE partition = 0 AND "offset" < 2; UPDATE restore.chain SET "offset" = "offset" - 1000 WHERE partition = 0 AND "offset" >= 1000`,
      ['link_broken'],
    ],
    [
      'the last record cut off',
      'DELETE FROM restore.chain WHERE partition = 0 AND "offset" = 9',
      ['truncated'],
    ],
    [
      'the last record cut off, and the head put back to match',
      `DELETE FROM restore.chain WHERE partition = 0 AND "offset" = 9; UPDATE restore.chain_heads SET next_offset = 9, records = 4, hash = (SELECT hash FROM restore.chain WHERE partition = 0 AND "offset" = 5) WHERE partition = 0`,
      ['head_differs', 'truncated'],
    ],
    [
      'a partition that is gone',
      'DELETE FROM restore.chain WHERE partition = 0; DELETE FROM restore.chain_heads WHERE partition = 0',
      ['truncated'],
    ],
    [
      'a checkpoint that was moved',
      `UPDATE restore.checkpoints SET "offset" = "offset" - 1`,
      ['checkpoint_forged', 'head_differs'],
    ],
    ['checkpoints that are gone', 'DELETE FROM restore.checkpoints', ['checkpoint_missing']],
    [
      'records behind the head',
      `INSERT INTO restore.chain SELECT partition, "offset" + 5000, 'forged', sequence, content, collected, hash FROM restore.chain WHERE partition = 0 AND "offset" = 9`,
      ['head_differs', 'link_broken'],
    ],
  ]
  it.each(mutants)('tells %s', async (_, tampering, codes) => {
    const head = await outside()
    await pool.query(
      `SET session_replication_role = replica; ${tampering}; SET session_replication_role = origin`,
    )
    expect(await verify(head)).toEqual([...codes])
    // The one that is asked before a gate opens misses none of them; the sum over live records it does not make.
    const quick = await told(head)
    expect(quick).not.toEqual([])
    expect(codes).toEqual(expect.arrayContaining(quick))
  })

  it('tells a chain that was computed anew by somebody without the secret', async () => {
    const head = await outside()
    await pool.query(`SET session_replication_role = replica;
      DELETE FROM restore.chain; DELETE FROM restore.chain_heads; SET session_replication_role = origin`)
    const forger = 'a secret that is not the right one'
    for (const partition of [0, 1, 2]) {
      const links = story(partition).slice(1)
      await inTransaction(pool, (client) =>
        appendToChain(client, forger, { partition, from: 0, next: 10 }, links, T0),
      )
    }
    expect(await verify(null)).toContain('head_differs')
    expect(await verify(head)).toContain('truncated')
    expect(await told(head)).toContain('truncated')
  })
})

describe('the projection of tombstones, beside the chain', () => {
  let fixture: LogFixture
  const ids = ['a', 'b', 'c'].map((name) => `tombstone-${name}`)
  const LATER = T0 + 3_600_000
  beforeEach(async () => {
    fixture = await logFixture()
    for (const tombstoneId of ids) {
      const id = newRequestId()
      await fixture.writer().transact([id], async (tx) => {
        tx.apply(id, receive(id), T0)
        tx.apply(id, freezePlan, T0 + 1)
        tx.apply(id, grantFirstStep(tombstoneId), T0 + 2)
      })
    }
    await fixture.pool.query('DELETE FROM outbox.message')
    const { rows } = await fixture.pool.query('SELECT * FROM read_model.tombstones ORDER BY tombstone_id')
    const links = rows.map((row, offset) => ({
      partition: 0,
      offset,
      tombstoneId: row.tombstone_id,
      sequence: Number(row.sequence),
      content: contentOf({
        tombstoneId: row.tombstone_id,
        sequence: Number(row.sequence),
        tenantId: row.tenant_id,
        requestId: row.request_id,
        systemId: row.system_id,
        mapVersion: row.map_version,
        effectiveAt: Number(row.effective_at),
        expiresAt: Number(row.expires_at),
        recurEvery: row.recur_every,
        heldUntil: row.held_until,
      }),
      collected: false,
    }))
    await inTransaction(fixture.pool, (client) =>
      appendToChain(client, SECRET, { partition: 0, from: 0, next: links.length }, links, T0),
    )
  })
  const found = async () =>
    (await verifyProjection(fixture.pool, LATER)).findings.map(({ code, tombstoneId }) => [code, tombstoneId])
  const tamper = (sql: string) =>
    fixture.pool.query(
      `SET session_replication_role = replica; ${sql}; SET session_replication_role = origin`,
    )

  it('is the same, and every change, loss and addition is named', async () => {
    try {
      expect(await found()).toEqual([])
      await tamper(
        `UPDATE read_model.tombstones SET expires_at = expires_at - 1 WHERE tombstone_id = 'tombstone-a'`,
      )
      await tamper(`DELETE FROM read_model.tombstones WHERE tombstone_id = 'tombstone-b'`)
      await tamper(`INSERT INTO read_model.tombstones SELECT 'tombstone-x', request_id, system_id, tenant_id, subject_ref,
        sequence, epoch, map_version, effective_at, expires_at, recur_every, held_until FROM read_model.tombstones
        WHERE tombstone_id = 'tombstone-c'`)
      expect(await found()).toEqual([
        ['tombstone_changed', 'tombstone-a'],
        ['tombstone_missing', 'tombstone-b'],
        ['tombstone_unpublished', 'tombstone-x'],
      ])
    } finally {
      await fixture.drop()
    }
  })

  it('refuses in the database whoever takes a tombstone away before its time, or shortens it', async () => {
    try {
      const { pool: db } = fixture
      // T0 lies in the past; what still runs has to end in the future of the database's own clock.
      await tamper(
        `UPDATE read_model.tombstones SET expires_at = 4102444800000 WHERE tombstone_id <> 'tombstone-c'`,
      )
      const early = /is still needed: collecting it early is refused/
      await expect(
        db.query(`DELETE FROM read_model.tombstones WHERE tombstone_id = 'tombstone-a'`),
      ).rejects.toThrow(early)
      await expect(
        db.query(`UPDATE read_model.tombstones SET expires_at = 1 WHERE tombstone_id = 'tombstone-a'`),
      ).rejects.toThrow(early)
      await expect(
        db.query(
          `UPDATE read_model.tombstones SET tombstone_id = 'other' WHERE tombstone_id = 'tombstone-a'`,
        ),
      ).rejects.toThrow(early)
      await expect(db.query('TRUNCATE read_model.tombstones')).rejects.toThrow(/collected one by one/)
      await tamper(
        `UPDATE read_model.tombstones SET recur_every = 'P1M', expires_at = 1 WHERE tombstone_id = 'tombstone-b'`,
      )
      await expect(
        db.query(`DELETE FROM read_model.tombstones WHERE tombstone_id = 'tombstone-b'`),
      ).rejects.toThrow(early)
      // One that has expired goes, and what went is remembered.
      await tamper(`UPDATE read_model.tombstones SET expires_at = 1 WHERE tombstone_id = 'tombstone-c'`)
      await db.query(`DELETE FROM read_model.tombstones WHERE tombstone_id = 'tombstone-c'`)
      const { rows } = await db.query('SELECT * FROM restore.collected')
      expect(rows).toEqual([{ system_id: 'cache', tombstones: '1', last_effective_at: String(T0 + 2) }])
      // A row the log knows nothing of is nobody's tombstone.
      await db.query(`INSERT INTO read_model.tombstones SELECT 'forged', request_id, system_id, tenant_id, subject_ref,
        sequence, epoch, map_version, effective_at, 4102444800000, NULL, NULL FROM read_model.tombstones
        WHERE tombstone_id = 'tombstone-a'`)
      await db.query(`DELETE FROM read_model.tombstones WHERE tombstone_id = 'forged'`)
    } finally {
      await fixture.drop()
    }
  })
})
