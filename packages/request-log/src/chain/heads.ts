import { timingSafeEqual } from 'node:crypto'
import type { Head, HeadOfPartition } from '../head/head-file.js'
import type { Queryable } from '../projections/projection.js'
import type { Findings } from './findings.js'
import { checkpointMac } from './link.js'

export interface ChainHeadRow {
  readonly partition: number
  readonly nextOffset: number
  readonly records: number
  readonly hash: Buffer
  readonly live: Buffer
}

/** So many records, and the hash of the last of them. */
export interface At {
  readonly records: number
  readonly hash: Buffer
}

/** What the records of a partition come to. */
export interface Walked {
  readonly at: At
  /** Where the head outside the database was. */
  readonly outside: At
  readonly last: number | null
  /** Null where the sum was not made again. */
  readonly live: Buffer | null
}

/** The heads in the database; a partition that has records or a head outside, and none here, is told. */
export async function headsOf(
  db: Queryable,
  outside: Head | null,
  findings: Findings,
): Promise<ChainHeadRow[]> {
  const { rows } = await db.query<{
    partition: number
    next_offset: string
    records: string
    hash: Buffer
    live: Buffer
  }>('SELECT partition, next_offset, records, hash, live FROM restore.chain_heads ORDER BY partition')
  const known = new Set(rows.map(({ partition }) => partition))
  const { rows: chained } = await db.query<{ partition: number }>(
    'SELECT DISTINCT partition FROM restore.chain UNION SELECT DISTINCT partition FROM restore.checkpoints',
  )
  const spoken = [...chained, ...(outside?.partitions.filter(({ records }) => records > 0) ?? [])]
  for (const partition of new Set(spoken.map((one) => one.partition)))
    if (!known.has(partition)) findings.add('truncated', { partition })
  return rows.map(({ partition, hash, live, ...row }) => ({
    partition,
    hash,
    live,
    nextOffset: Number(row.next_offset),
    records: Number(row.records),
  }))
}

/** Whether the heads, here and outside the database, speak of the records that are there. */
export function compareEnds(
  head: ChainHeadRow,
  outside: HeadOfPartition | undefined,
  walked: Walked,
  findings: Findings,
): void {
  const { partition } = head
  const where = { partition, offset: walked.last }
  if (walked.at.records < head.records) findings.add('truncated', where)
  else if (walked.at.records > head.records || !head.hash.equals(walked.at.hash))
    findings.add('head_differs', where)
  else if (walked.live !== null && !head.live.equals(walked.live)) findings.add('head_differs', where)
  if (outside === undefined) return
  if (head.nextOffset < outside.nextOffset || walked.outside.records < outside.records)
    findings.add('truncated', where)
  else if (walked.outside.records > outside.records || walked.outside.hash.toString('hex') !== outside.hash)
    findings.add('head_differs', { partition, offset: outside.nextOffset })
}

/** A batch may pass several places for one at once and then has one checkpoint, so only a lack of all is told. */
export async function verifyCheckpoints(
  db: Queryable,
  partition: number,
  secret: string,
  due: number,
  findings: Findings,
): Promise<void> {
  const { rows } = await db.query<{ offset: string; records: string; hash: Buffer; mac: Buffer }>(
    'SELECT "offset", records, hash, mac FROM restore.checkpoints WHERE partition = $1 ORDER BY "offset"',
    [partition],
  )
  for (const row of rows) {
    const at = { partition, offset: Number(row.offset), records: Number(row.records), hash: row.hash }
    const expected = checkpointMac(secret, at)
    if (row.mac.length !== expected.length || !timingSafeEqual(row.mac, expected))
      findings.add('checkpoint_forged', { partition, offset: at.offset })
  }
  if (due > 0 && rows.length === 0) findings.add('checkpoint_missing', { partition })
}
