import type { ChainLink, Head, HeadOfPartition } from '@lethe/request-log'
import type { wire } from '@lethe/schemas'
import type { Pool, PoolClient } from 'pg'
import type { LostRequest, SelfReport, SelfRestoreRow } from '../domain/self-report.js'

/** Decides whether a tombstone of the topic is in the database: with the same sequence, or a younger one. */
const KNOWN = `EXISTS (SELECT FROM read_model.tombstones t WHERE t.tombstone_id = given.id AND t.sequence >= given.sequence)
  OR EXISTS (SELECT FROM restore.recovered_tombstones r WHERE r.tombstone_id = given.id AND r.sequence >= given.sequence)`

/** What Lethe knows of its own database, of the chain, and of what a self-restore found. */
export class SelfStore {
  constructor(private readonly pool: Pool) {}

  /** Partitions of the chain and how far each is. */
  async offsets(): Promise<Map<number, number>> {
    const { rows } = await this.pool.query<{ partition: number; next_offset: string }>(
      'SELECT partition, next_offset FROM restore.chain_heads',
    )
    return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
  }

  /** Without work. @returns false when another process has moved it */
  async moveOffset(partition: number, from: number, next: number): Promise<boolean> {
    const zero = Buffer.alloc(32)
    const { rowCount } = await this.pool.query(
      `INSERT INTO restore.chain_heads AS h (partition, next_offset, records, hash, live)
       SELECT $1, $3, 0, $4, $4 WHERE $2::bigint = 0 OR EXISTS (SELECT FROM restore.chain_heads WHERE partition = $1)
       ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset WHERE h.next_offset = $2`,
      [partition, from, next, zero],
    )
    return rowCount === 1
  }

  /**
   * Tombstones that were published and are not here, although whatever is published was committed before. Those that
   * have expired may have been collected since.
   */
  async unknown(
    client: Pool | PoolClient,
    links: readonly (ChainLink & { expiresAt: number })[],
    now: number,
  ) {
    const lasting = links.filter(({ expiresAt, collected }) => expiresAt > now && !collected)
    if (lasting.length === 0) return []
    const { rows } = await client.query<{ id: string }>({
      name: 'chain-unknown',
      text: `SELECT id FROM unnest($1::text[], $2::bigint[]) AS given (id, sequence) WHERE NOT (${KNOWN})`,
      values: [lasting.map(({ tombstoneId }) => tombstoneId), lasting.map(({ sequence }) => sequence)],
    })
    return rows.map(({ id }) => id)
  }

  /** Every service that looks sees it at its next look. */
  async suspect(reason: string): Promise<void> {
    await this.pool.query('UPDATE restore.self SET suspicion = $1 WHERE suspicion IS NULL', [reason])
  }

  /** A live tombstone the log of this database does not have; a younger one takes the place of an older. */
  async recover(tombstones: readonly wire.ErasureTombstone[]): Promise<void> {
    const of = <T>(pick: (one: wire.ErasureTombstone) => T) => tombstones.map(pick)
    await this.pool.query(
      `INSERT INTO restore.recovered_tombstones AS r (tombstone_id, request_id, system_id, tenant_id, sequence, epoch,
         sealed, map_version, effective_at, expires_at, recur_every, held_until)
       SELECT DISTINCT ON (id) row.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
         $6::text[], $7::bytea[], $8::integer[], $9::bigint[], $10::bigint[], $11::text[], $12::bigint[])
         AS row (id, request, system, tenant, sequence, epoch, sealed, map, effective, expires, recur, held)
       ORDER BY id, sequence DESC
       ON CONFLICT (tombstone_id) DO UPDATE SET sequence = excluded.sequence, epoch = excluded.epoch,
         sealed = excluded.sealed, expires_at = excluded.expires_at, held_until = excluded.held_until,
         map_version = excluded.map_version WHERE excluded.sequence > r.sequence`,
      [
        of((one) => one.tombstoneId),
        of((one) => one.requestId),
        of((one) => one.systemId),
        of((one) => one.tenantId),
        of((one) => Number(one.sequence)),
        of((one) => one.epoch),
        of((one) => one.sealedSelectors),
        of((one) => one.mapVersion),
        of((one) => Number(one.effectiveAt)),
        of((one) => Number(one.expiresAt)),
        of((one) => one.recurEvery),
        of((one) => (one.heldUntil === null ? null : Number(one.heldUntil))),
      ],
    )
  }

  /** Which of these requests the log has, with their status and whether somebody holds them. */
  async requests(ids: readonly string[]): Promise<Map<string, { status: string; held: boolean }>> {
    const { rows } = await this.pool.query<{ request_id: string; status: string; held: boolean }>(
      `SELECT request_id, status, holds <> '[]'::jsonb AS held FROM read_model.requests WHERE request_id = ANY($1::text[])`,
      [ids],
    )
    return new Map(rows.map(({ request_id, status, held }) => [request_id, { status, held }]))
  }

  async lost(
    rows: readonly {
      readonly requestId: string
      readonly tenantId: string
      readonly subjectRef: string
      readonly status: string | null
      readonly held: boolean
      readonly at: number
    }[],
  ): Promise<void> {
    await this.pool.query(
      `INSERT INTO restore.lost_requests AS l (request_id, tenant_id, subject_ref, last_status, held, at)
       SELECT row.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[]) AS row
       ON CONFLICT (request_id) DO UPDATE SET last_status = coalesce(excluded.last_status, l.last_status),
         held = excluded.held, at = greatest(l.at, excluded.at)`,
      [
        rows.map((row) => row.requestId),
        rows.map((row) => row.tenantId),
        rows.map((row) => row.subjectRef),
        rows.map((row) => row.status),
        rows.map((row) => row.held),
        rows.map((row) => row.at),
      ],
    )
  }

  /** How many acknowledgements there are of each lost request; told again, the same. */
  async acknowledged(counts: ReadonlyMap<string, number>): Promise<void> {
    await this.pool.query(
      `UPDATE restore.lost_requests l SET acknowledgements = given.n
       FROM unnest($1::text[], $2::bigint[]) AS given (id, n) WHERE l.request_id = given.id`,
      [[...counts.keys()], [...counts.values()]],
    )
  }

  /** Youngest first, with the systems whose tombstones were recovered. */
  async lostRequests(
    limit: number,
  ): Promise<{ count: number; lost: Omit<LostRequest, 'acknowledged' | 'advice'>[] }> {
    const { rows } = await this.pool.query<{
      request_id: string
      tenant_id: string
      last_status: string | null
      held: boolean
      at: string
      systems: string[]
      total: string
    }>(
      `SELECT l.*, count(*) OVER () AS total, ARRAY(SELECT DISTINCT system_id FROM restore.recovered_tombstones r
         WHERE r.request_id = l.request_id ORDER BY 1) AS systems
       FROM restore.lost_requests l ORDER BY at DESC, request_id LIMIT $1`,
      [limit],
    )
    const lost = rows.map((row) => ({
      requestId: row.request_id,
      tenantId: row.tenant_id,
      lastStatus: row.last_status,
      held: row.held,
      at: Number(row.at),
      tombstones: row.systems,
    }))
    return { count: Number(rows[0]?.total ?? 0), lost }
  }

  /** Where the aggregator reads on, by partition of `erasure.acknowledged`. */
  async foldedTo(): Promise<Map<number, number>> {
    const { rows } = await this.pool.query<{ partition: number; next_offset: string }>(
      `SELECT partition, next_offset FROM inbox.offsets WHERE consumer = 'aggregator' AND topic = 'erasure.acknowledged'`,
    )
    return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
  }

  /** Live ones: of those that have lapsed one for each system says how old a copy may not be. */
  async recovered(now: number): Promise<{ tombstones: number; held: number; unsealed: number }> {
    const { rows } = await this.pool.query<{ n: number; held: number; unsealed: number }>(
      `SELECT count(*)::int AS n, (count(*) FILTER (WHERE held_until IS NOT NULL))::int AS held,
         (count(*) FILTER (WHERE sealed IS NULL))::int AS unsealed
       FROM restore.recovered_tombstones WHERE expires_at > $1`,
      [now],
    )
    const row = rows[0]
    return { tombstones: row?.n ?? 0, held: row?.held ?? 0, unsealed: row?.unsealed ?? 0 }
  }

  async begin(selfId: string, by: string, reasons: readonly string[], now: number): Promise<void> {
    await this.pool.query(
      'INSERT INTO restore.self_restores (self_id, began_at, by, reasons) VALUES ($1, $2, $3, $4)',
      [selfId, now, by, JSON.stringify(reasons)],
    )
  }

  async report(selfId: string, report: SelfReport, finishedAt: number | null): Promise<void> {
    await this.pool.query(
      'UPDATE restore.self_restores SET report = $2, finished_at = coalesce($3, finished_at) WHERE self_id = $1',
      [selfId, JSON.stringify(report), finishedAt],
    )
  }

  async latest(): Promise<SelfRestoreRow | null> {
    const { rows } = await this.pool.query<{
      self_id: string
      began_at: string
      finished_at: string | null
      by: string
      reasons: string[]
      report: SelfReport | null
    }>('SELECT * FROM restore.self_restores ORDER BY began_at DESC, self_id DESC LIMIT 1')
    const row = rows[0]
    if (row === undefined) return null
    return {
      selfId: row.self_id,
      beganAt: Number(row.began_at),
      finishedAt: row.finished_at === null ? null : Number(row.finished_at),
      by: row.by,
      reasons: row.reasons,
      report: row.report,
    }
  }

  /** How far every partition's chain is, as the head file has it. */
  async heads(db: Pool | PoolClient): Promise<HeadOfPartition[]> {
    const { rows } = await db.query<{
      partition: number
      next_offset: string
      records: string
      hash: Buffer
      live: Buffer
    }>('SELECT partition, next_offset, records, hash, live FROM restore.chain_heads ORDER BY partition')
    return rows.map(({ partition, next_offset, records, hash, live }) => ({
      partition,
      nextOffset: Number(next_offset),
      records: Number(records),
      hash: hash.toString('hex'),
      live: live.toString('hex'),
    }))
  }

  /** The chain's hash where the head outside was; null when the chain is not that far. */
  async hashAt({ partition, nextOffset }: Head['partitions'][number]): Promise<string | null> {
    const { rows } = await this.pool.query<{ hash: Buffer }>(
      'SELECT hash FROM restore.chain WHERE partition = $1 AND "offset" < $2 ORDER BY "offset" DESC LIMIT 1',
      [partition, nextOffset],
    )
    return rows[0]?.hash.toString('hex') ?? null
  }

  /**
   * @param before the beat it takes the place of: another one means that the database was replaced meanwhile; left
   *   out where it is put in its place whatever it is
   */
  async beat(
    client: PoolClient,
    { incarnation, beat, before }: { incarnation: string; beat: string; before?: string | null },
    now: number,
  ): Promise<void> {
    const { rowCount } = await client.query(
      `INSERT INTO restore.self AS s (id, incarnation, beat, since) VALUES (1, $1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, incarnation = excluded.incarnation,
         since = CASE WHEN s.incarnation = excluded.incarnation THEN s.since ELSE excluded.since END,
         suspicion = CASE WHEN s.incarnation = excluded.incarnation THEN s.suspicion END
       WHERE $4::boolean OR s.beat = $5`,
      [incarnation, beat, now, before === undefined, before ?? ''],
    )
    if (rowCount !== 1) throw new Error('the beat in the database is another one than was read just before')
  }

  /** Stores were marked since the backup this database is from. */
  async adoptMarkers(client: PoolClient): Promise<void> {
    await client.query('UPDATE restore.markers SET adopt = true')
  }
}
