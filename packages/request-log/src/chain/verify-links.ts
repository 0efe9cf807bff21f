import { inTransaction } from '@lethe/event-store'
import type { Pool } from 'pg'
import type { Queryable } from '../projections/projection.js'
import { type ChainReport, Findings, LISTED } from './findings.js'
import { type At, compareEnds, headsOf, verifyCheckpoints, type Walked } from './heads.js'
import { GENESIS } from './link.js'
import type { VerifyOptions } from './verify.js'

/**
 * As `verifyChainAtOnce`, but the hashes are made by the database, in one pass over its rows: seconds where the other
 * takes minutes, so that whoever is about to call a store clean can ask for it. Links, checkpoints, and the heads in
 * the database and outside it are compared; the keyed sum over live records is not made again, which only proves a
 * chain that the topic was compacted behind. `tombstones` is not counted.
 */
export function verifyLinksAtOnce(pool: Pool, options: VerifyOptions): Promise<ChainReport> {
  return inTransaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    return verifyLinks(client, options)
  })
}

async function verifyLinks(db: Queryable, options: VerifyOptions): Promise<ChainReport> {
  const { secret, head, checkpointEvery } = options
  const findings = new Findings()
  let records = 0
  for (const one of await headsOf(db, head, findings)) {
    const { partition } = one
    const outside = head?.partitions.find((each) => each.partition === partition)
    await brokenLinks(db, partition, findings)
    const walked = await endsOf(db, partition, outside?.nextOffset ?? 0)
    await verifyCheckpoints(db, partition, secret, Math.floor(walked.at.records / checkpointEvery), findings)
    compareEnds(one, outside, walked, findings)
    records += walked.at.records
  }
  return { records, tombstones: 0, findings: findings.listed, total: findings.total }
}

/** What `hashAfter` computes, in SQL; a checkpoint that speaks of another record, or of none, is told as well. */
const BROKEN = `
  WITH links AS (
    SELECT "offset", hash, row_number() OVER w AS records,
      sha256(lag(hash, 1, decode('${GENESIS.toString('hex')}', 'hex')) OVER w || content || convert_to('["lethe.chain.1",' ||
        partition || ',' || "offset" || ',' || to_json(tombstone_id) || ',' || sequence || ',' || collected || ']', 'UTF8'))
        AS expected
    FROM restore.chain WHERE partition = $1 WINDOW w AS (ORDER BY "offset"))
  SELECT "offset", count(*) OVER () AS total, CASE WHEN l.hash IS NULL THEN 'truncated'
    WHEN l.hash <> l.expected THEN 'link_broken' ELSE 'head_differs' END AS code
  FROM links l FULL JOIN (SELECT * FROM restore.checkpoints WHERE partition = $1) AS c USING ("offset")
  WHERE l.hash IS DISTINCT FROM l.expected OR (c.hash IS NOT NULL AND (l.hash IS DISTINCT FROM c.hash OR l.records <> c.records))
  ORDER BY "offset" LIMIT ${LISTED}`

async function brokenLinks(db: Queryable, partition: number, findings: Findings): Promise<void> {
  const { rows } = await db.query<{
    offset: string
    total: string
    code: 'link_broken' | 'truncated' | 'head_differs'
  }>(BROKEN, [partition])
  for (const { code, offset } of rows) findings.add(code, { partition, offset: Number(offset) })
  findings.total += Number(rows[0]?.total ?? 0) - rows.length
}

/** Number and last hash of a partition's records, of all and of those before an offset. */
async function endsOf(db: Queryable, partition: number, before: number): Promise<Walked> {
  const ends = async (end: number): Promise<{ at: At; last: number | null }> => {
    const { rows } = await db.query<{ records: string; last: string | null; hash: Buffer | null }>(
      `SELECT (SELECT count(*) FROM restore.chain WHERE partition = $1 AND "offset" < $2) AS records, last, hash
       FROM (SELECT 1) AS one LEFT JOIN (SELECT "offset" AS last, hash FROM restore.chain
         WHERE partition = $1 AND "offset" < $2 ORDER BY "offset" DESC LIMIT 1) AS youngest ON true`,
      [partition, end],
    )
    const { records = '0', last = null, hash = null } = rows[0] ?? {}
    return {
      at: { records: Number(records), hash: hash ?? GENESIS },
      last: last === null ? null : Number(last),
    }
  }
  const { at, last } = await ends(Number.MAX_SAFE_INTEGER)
  return { at, last, outside: (await ends(before)).at, live: null }
}
