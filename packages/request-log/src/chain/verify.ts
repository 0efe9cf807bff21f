import { timingSafeEqual } from 'node:crypto'
import type { Head } from '../head/head-file.js'
import type { Queryable } from '../projections/projection.js'
import { checkpointMac, contentOf, GENESIS, hashAfter, liveOf, liveSum } from './link.js'

/** What is not as it was recorded, and where. */
export interface ChainFinding {
  readonly code: /** A record's hash is not what follows from the one before and its fields: changed, dropped or moved. */
    | 'link_broken'
    /** The last records the head in the database, or outside it, or a checkpoint speaks of are not there. */
    | 'truncated'
    /** The head or a checkpoint says another hash, number or sum than the records. */
    | 'head_differs'
    /** A checkpoint was not signed by us, or is not of this place. */
    | 'checkpoint_forged'
    | 'checkpoint_missing'
    /** The projection has another tombstone than the topic had. */
    | 'tombstone_changed'
    | 'tombstone_missing'
    /** The projection has one the topic never had, although nothing waits to be published. */
    | 'tombstone_unpublished'
  readonly partition: number | null
  readonly offset: number | null
  readonly tombstoneId: string | null
}

export interface ChainReport {
  readonly records: number
  readonly tombstones: number
  readonly findings: readonly ChainFinding[]
  /** In all; only the first hundred are listed. */
  readonly total: number
}

/** So many are listed; all are counted. */
const LISTED = 100
const PAGE = 5_000

/** Must be the fold's own; a chain without its checkpoints was tampered with. */
export interface VerifyOptions {
  readonly secret: string
  /** The head kept outside the database; null where there is none. */
  readonly head: Head | null
  readonly checkpointEvery: number
}

class Findings {
  readonly listed: ChainFinding[] = []
  total = 0

  add(code: ChainFinding['code'], where: Partial<ChainFinding> = {}): void {
    this.total += 1
    if (this.listed.length < LISTED)
      this.listed.push({ code, partition: null, offset: null, tombstoneId: null, ...where })
  }
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
    const { partition } = head
    const outside = options.head?.partitions.find((one) => one.partition === partition)
    const walked = await walk(db, partition, options, findings, outside?.nextOffset ?? 0)
    const where = { partition, offset: walked.last }
    records += walked.at.records
    tombstones += walked.tombstones
    if (walked.at.records < head.records) findings.add('truncated', where)
    else if (walked.at.records > head.records || !head.hash.equals(walked.at.hash))
      findings.add('head_differs', where)
    else if (!head.live.equals(walked.live)) findings.add('head_differs', where)
    if (outside === undefined) continue
    if (head.nextOffset < outside.nextOffset || walked.outside.records < outside.records)
      findings.add('truncated', where)
    else if (walked.outside.records > outside.records || walked.outside.hash.toString('hex') !== outside.hash)
      findings.add('head_differs', { partition, offset: outside.nextOffset })
  }
  return { records, tombstones, findings: findings.listed, total: findings.total }
}

/** The heads in the database; a partition that has records or a head outside, and none here, is told. */
async function headsOf(db: Queryable, outside: Head | null, findings: Findings) {
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

interface At {
  readonly records: number
  readonly hash: Buffer
}

interface Walked {
  readonly at: At
  /** Where the head outside the database was. */
  readonly outside: At
  readonly last: number | null
  readonly live: Buffer
  readonly tombstones: number
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
): Promise<Walked> {
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

/** A batch may pass several places for one at once and then has one checkpoint, so only a lack of all is told. */
async function verifyCheckpoints(
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

/**
 * Compares the projection with the chain's latest record of every tombstone. One the projection has and the chain
 * has not is fine while it waits in the outbox or was written within `graceMs`; one that has been collected is gone
 * from the projection, and then it had expired.
 *
 * @param now epoch milliseconds
 */
export async function verifyProjection(db: Queryable, now: number, graceMs = 60_000): Promise<ChainReport> {
  const findings = new Findings()
  let tombstones = 0
  let after = ''
  for (;;) {
    const { rows } = await db.query<ProjectedRow>(COMPARED, [after, PAGE])
    for (const row of rows) {
      tombstones += 1
      const where = {
        partition: row.partition,
        offset: row.offset === null ? null : Number(row.offset),
        tombstoneId: row.tombstone_id,
      }
      const code = judge(row, now, graceMs)
      if (code !== null) findings.add(code, where)
    }
    const end = rows.at(-1)
    if (end === undefined || rows.length < PAGE) break
    after = end.tombstone_id
  }
  return { records: 0, tombstones, findings: findings.listed, total: findings.total }
}

interface ProjectedRow {
  readonly tombstone_id: string
  readonly partition: number | null
  readonly offset: string | null
  readonly chained: string | null
  readonly content: Buffer | null
  readonly collected: boolean | null
  readonly sequence: string | null
  readonly tenant_id: string
  readonly request_id: string
  readonly system_id: string
  readonly map_version: number
  readonly effective_at: string
  readonly expires_at: string
  readonly recur_every: string | null
  readonly held_until: string | null
  readonly waits: boolean
}

const COMPARED = `
  WITH ids AS (
    SELECT tombstone_id FROM read_model.tombstones WHERE tombstone_id > $1
    UNION SELECT tombstone_id FROM restore.chain WHERE tombstone_id > $1
    ORDER BY tombstone_id LIMIT $2)
  SELECT ids.tombstone_id, c.partition, c."offset", c.sequence AS chained, c.content, c.collected, t.*,
    EXISTS (SELECT FROM outbox.message m WHERE m.aggregateid = ids.tombstone_id) AS waits
  FROM ids
  LEFT JOIN LATERAL (SELECT partition, "offset", sequence, content, collected FROM restore.chain
    WHERE chain.tombstone_id = ids.tombstone_id ORDER BY sequence DESC, "offset" LIMIT 1) AS c ON true
  LEFT JOIN LATERAL (
    SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at, recur_every, held_until
    FROM (SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at, recur_every,
            held_until FROM read_model.tombstones WHERE tombstone_id = ids.tombstone_id
          UNION ALL SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at,
            recur_every, held_until FROM restore.recovered_tombstones WHERE tombstone_id = ids.tombstone_id) AS both_
    ORDER BY sequence DESC LIMIT 1) AS t ON true
  ORDER BY ids.tombstone_id`

function judge(row: ProjectedRow, now: number, graceMs: number): ChainFinding['code'] | null {
  if (row.sequence === null) return row.collected === true ? null : 'tombstone_missing'
  const tombstone = {
    tombstoneId: row.tombstone_id,
    sequence: Number(row.sequence),
    tenantId: row.tenant_id,
    requestId: row.request_id,
    systemId: row.system_id,
    mapVersion: row.map_version,
    effectiveAt: Number(row.effective_at),
    expiresAt: Number(row.expires_at),
    recurEvery: row.recur_every,
    heldUntil: row.held_until === null ? null : Number(row.held_until),
  }
  if (row.content !== null && Number(row.chained) === tombstone.sequence)
    return contentOf(tombstone).equals(row.content) ? null : 'tombstone_changed'
  if (row.content !== null && Number(row.chained) > tombstone.sequence) return 'tombstone_changed'
  return row.waits || tombstone.effectiveAt > now - graceMs ? null : 'tombstone_unpublished'
}
