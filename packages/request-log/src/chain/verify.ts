import type { Head } from '../head/head-file.js'
import type { Queryable } from '../projections/projection.js'
import { type ChainReport, Findings } from './findings.js'
import { type At, compareEnds, headsOf, verifyCheckpoints, type Walked } from './heads.js'
import { GENESIS, hashAfter, liveOf, liveSum } from './link.js'

const PAGE = 5_000

/** Must be the fold's own; a chain without its checkpoints was tampered with. */
export interface VerifyOptions {
  readonly secret: string
  /** The head kept outside the database; null where there is none. */
  readonly head: Head | null
  readonly checkpointEvery: number
}

/**
 * Computes every partition's chain again and compares it with what is recorded, with the signed checkpoints and with
 * the head outside the database. Whoever changes the database without the secret is found. Reads in pages.
 */
export async function verifyChain(db: Queryable, options: VerifyOptions): Promise<ChainReport> {
  const findings = new Findings()
  const heads = await headsOf(db, options.head, findings)
  let records = 0
  let tombstones = 0
  for (const head of heads) {
    const outside = options.head?.partitions.find((one) => one.partition === head.partition)
    const walked = await walk(db, head.partition, options, findings, outside?.nextOffset ?? 0)
    records += walked.at.records
    tombstones += walked.tombstones
    compareEnds(head, outside, walked, findings)
  }
  return { records, tombstones, findings: findings.listed, total: findings.total }
}

interface Row {
  readonly offset: string
  readonly tombstone_id: string
  readonly sequence: string
  readonly content: Buffer
  readonly collected: boolean
  readonly hash: Buffer
  /** No other record of the tombstone is newer. */
  readonly latest: boolean
}

const PAGE_OF_CHAIN = `
  SELECT "offset", tombstone_id, sequence, content, collected, hash,
    NOT EXISTS (SELECT FROM restore.chain o WHERE o.tombstone_id = c.tombstone_id AND o.partition = c.partition AND
      (o.sequence > c.sequence OR (o.sequence = c.sequence AND o."offset" < c."offset"))) AS latest
  FROM restore.chain c WHERE partition = $1 AND "offset" > $2 ORDER BY "offset" LIMIT ${PAGE}`

async function pageOfChain(db: Queryable, partition: number, after: number | null): Promise<Row[]> {
  return (await db.query<Row>(PAGE_OF_CHAIN, [partition, after ?? -1])).rows
}

async function walk(
  db: Queryable,
  partition: number,
  { secret, checkpointEvery }: VerifyOptions,
  findings: Findings,
  outsideNext: number,
): Promise<Walked & { readonly tombstones: number }> {
  const checkpoints = await checkpointsOf(db, partition)
  let at: At = { records: 0, hash: GENESIS }
  let outside = at
  let live: Buffer = GENESIS
  let tombstones = 0
  let last: number | null = null
  for (;;) {
    const rows = await pageOfChain(db, partition, last)
    for (const row of rows) {
      const { content, collected, hash } = row
      const link = {
        partition,
        offset: Number(row.offset),
        tombstoneId: row.tombstone_id,
        sequence: Number(row.sequence),
        content,
        collected,
      }
      const { offset, tombstoneId } = link
      if (!hashAfter(at.hash, link).equals(hash))
        findings.add('link_broken', { partition, offset, tombstoneId })
      // What is recorded, not what was computed: so that one broken link is one finding.
      at = { records: at.records + 1, hash }
      last = offset
      if (row.latest) {
        live = liveSum(live, liveOf(secret, link), 0n)
        tombstones += 1
      }
      if (offset < outsideNext) outside = at
      const checkpoint = checkpoints.get(offset)
      checkpoints.delete(offset)
      if (checkpoint !== undefined && (checkpoint.records !== at.records || !checkpoint.hash.equals(hash)))
        findings.add('head_differs', { partition, offset })
    }
    if (rows.length < PAGE) break
  }
  for (const offset of checkpoints.keys()) findings.add('truncated', { partition, offset })
  await verifyCheckpoints(db, partition, secret, Math.floor(at.records / checkpointEvery), findings)
  return { at, outside, last, live, tombstones }
}

async function checkpointsOf(db: Queryable, partition: number): Promise<Map<number, At>> {
  const { rows } = await db.query<{ offset: string; records: string; hash: Buffer }>(
    'SELECT "offset", records, hash FROM restore.checkpoints WHERE partition = $1',
    [partition],
  )
  return new Map(rows.map((row) => [Number(row.offset), { records: Number(row.records), hash: row.hash }]))
}
