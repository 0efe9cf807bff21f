import type { Pool } from 'pg'
import type { Sweep, SweepKind } from '../domain/sweep.js'
import { textArray } from './text-array.js'

type Row = Readonly<Record<string, unknown>>
const orNull = (value: unknown): number | null => (value === null ? null : Number(value))
const sweepOf = (row: Row): Sweep => ({
  sweepId: row.sweep_id as string,
  systemId: row.system_id as string,
  kind: row.kind as SweepKind,
  startedAt: Number(row.started_at),
  finishedAt: orNull(row.finished_at),
  cursor: row.cursor as string,
  probed: Number(row.probed),
  residual: Number(row.residual),
  restoreId: row.restore_id as string | null,
})

/** Sweeps, and what they need to know of requests. Every write is idempotent. */
export class SweepStore {
  constructor(private readonly pool: Pool) {}

  async start(sweepId: string, systemId: string, kind: SweepKind, now: number): Promise<Sweep> {
    const { rows } = await this.pool.query<Row>(
      `INSERT INTO restore.sweeps (sweep_id, system_id, kind, started_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (sweep_id) DO UPDATE SET kind = excluded.kind RETURNING *`,
      [sweepId, systemId, kind, now],
    )
    return sweepOf(rows[0] as Row)
  }

  async sweep(sweepId: string): Promise<Sweep | null> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM restore.sweeps WHERE sweep_id = $1', [sweepId])
    return rows[0] ? sweepOf(rows[0]) : null
  }

  /** The newest full one that is not finished. */
  async unfinished(systemId: string): Promise<Sweep | null> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.sweeps WHERE system_id = $1 AND kind = 'full' AND finished_at IS NULL
       ORDER BY started_at DESC LIMIT 1`,
      [systemId],
    )
    return rows[0] ? sweepOf(rows[0]) : null
  }

  /** When the last one of each kind ended; epoch milliseconds. */
  async lastEnded(systemId: string): Promise<{ full: number | null; sample: number | null }> {
    const { rows } = await this.pool.query<{ full: string | null; sample: string | null }>(
      `SELECT max(finished_at) FILTER (WHERE kind = 'full') AS full,
              max(finished_at) FILTER (WHERE kind = 'sample') AS sample
       FROM restore.sweeps WHERE system_id = $1`,
      [systemId],
    )
    return { full: orNull(rows[0]?.full ?? null), sample: orNull(rows[0]?.sample ?? null) }
  }

  /** Newest first. */
  async history(systemId: string | null, limit: number): Promise<Sweep[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.sweeps WHERE $1::text IS NULL OR system_id = $1
       ORDER BY started_at DESC, sweep_id DESC LIMIT $2`,
      [systemId, limit],
    )
    return rows.map(sweepOf)
  }

  async record(sweep: Sweep): Promise<void> {
    const { sweepId, cursor, probed, residual, restoreId, finishedAt } = sweep
    await this.pool.query(
      `UPDATE restore.sweeps SET cursor = $2, probed = $3, residual = $4, restore_id = $5, finished_at = $6
       WHERE sweep_id = $1`,
      [sweepId, cursor, probed, residual, restoreId, finishedAt],
    )
  }

  /** Full ones that started before one that has ended. */
  async overtake(systemId: string, startedAt: number, endedAt: number): Promise<void> {
    await this.pool.query(
      `UPDATE restore.sweeps SET finished_at = $3
       WHERE system_id = $1 AND kind = 'full' AND finished_at IS NULL AND started_at < $2`,
      [systemId, startedAt, endedAt],
    )
  }

  /** Ids behind which a sample reads, by chance. */
  async startingPoints(systemId: string, count: number, now: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ after: string }>(
      `WITH many AS (SELECT count(*) AS n FROM read_model.tombstones WHERE system_id = $1 AND expires_at > $3),
         chosen AS (SELECT floor(random() * n)::bigint AS at FROM many, generate_series(1, $2) WHERE n > 0)
       SELECT CASE WHEN at = 0 THEN '' ELSE (SELECT tombstone_id FROM read_model.tombstones
         WHERE system_id = $1 AND expires_at > $3 ORDER BY tombstone_id OFFSET at - 1 LIMIT 1) END AS after
       FROM chosen`,
      [systemId, count, now],
    )
    return rows.map(({ after }) => after)
  }

  /**
   * Which of them are not done: what is found of those is still being erased, and is no residue. Nobody erases for a
   * request this database has lost.
   */
  async pending(requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (requestIds.length === 0) return new Set()
    const { rows } = await this.pool.query<{ id: string }>(
      `SELECT asked.id FROM unnest($1::text[]) AS asked(id)
       -- One by one: a join would read all requests for each page.
       LEFT JOIN LATERAL (SELECT completed_at IS NULL AS open FROM read_model.requests q
         WHERE q.request_id = asked.id LIMIT 1) AS known ON true
       WHERE coalesce(known.open, NOT EXISTS (SELECT FROM restore.recovered_tombstones r WHERE r.request_id = asked.id))`,
      [textArray(requestIds)],
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** While it stands, a hold waits for the people a sweep may be erasing. A crash leaves it to the next sweep. */
  async erasing(systemId: string, now: boolean, at: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO restore.gates (system_id, state, strength, reason, since) VALUES ($1, 'open', 'advisory', $2, $3)
       ON CONFLICT (system_id) DO UPDATE SET reason = excluded.reason`,
      [systemId, now ? 'sweep' : null, at],
    )
  }
}
