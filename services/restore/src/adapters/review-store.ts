import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import type { Decision, Review } from '../domain/review.js'
import { textArray } from './text-array.js'

interface Row {
  readonly review_id: string
  readonly system_id: string
  readonly tombstone_id: string
  readonly request_id: string
  readonly restore_id: string
  readonly found: Readonly<Record<string, number>>
  readonly found_at: string
  readonly decision: Decision | null
  readonly decided_at: string | null
  readonly decided_by: string | null
  readonly ticket: string | null
  readonly done_at: string | null
}

const orNull = (value: string | null): number | null => (value === null ? null : Number(value))
const reviewOf = (row: Row): Review => ({
  reviewId: row.review_id,
  systemId: row.system_id,
  requestId: row.request_id,
  restoreId: row.restore_id,
  found: row.found,
  foundAt: Number(row.found_at),
  decision: row.decision,
  decidedAt: orNull(row.decided_at),
  decidedBy: row.decided_by,
  ticket: row.ticket,
  doneAt: orNull(row.done_at),
})

export interface Undated {
  readonly tombstoneId: string
  readonly requestId: string
  readonly found: Readonly<Record<string, number>>
}

/** What a person has to decide, and what was decided. */
export class ReviewStore {
  constructor(private readonly pool: Pool) {}

  /** Whether there is a review of anybody of that system, decided or not. */
  async any(systemId: string): Promise<boolean> {
    const { rowCount } = await this.pool.query('SELECT FROM restore.reviews WHERE system_id = $1 LIMIT 1', [
      systemId,
    ])
    return rowCount !== 0
  }

  /** By tombstone. @param tombstoneIds asked for where the system has any: few have, and a page is thousands of people */
  async of(systemId: string, tombstoneIds: () => readonly string[]): Promise<ReadonlyMap<string, Review>> {
    if (!(await this.any(systemId))) return new Map()
    const { rows } = await this.pool.query<Row>(
      'SELECT * FROM restore.reviews WHERE system_id = $1 AND tombstone_id = ANY ($2::text[])',
      [systemId, textArray(tombstoneIds())],
    )
    return new Map(rows.map((row) => [row.tombstone_id, reviewOf(row)]))
  }

  /** What was found now. A decision to keep stays; one to erase that was carried out is asked anew. Idempotent. */
  async note(systemId: string, restoreId: string, found: readonly Undated[], now: number): Promise<void> {
    if (found.length === 0) return
    await this.pool.query(
      `INSERT INTO restore.reviews AS r (review_id, system_id, tombstone_id, request_id, restore_id, found, found_at)
       SELECT f->>'reviewId', $1, f->>'tombstoneId', f->>'requestId', $2, f->'found', $4
       FROM jsonb_array_elements($3::jsonb) AS f
       ON CONFLICT (system_id, tombstone_id) DO UPDATE SET restore_id = excluded.restore_id, found = excluded.found,
         found_at = CASE WHEN r.done_at IS NULL THEN r.found_at ELSE excluded.found_at END,
         decision = CASE WHEN r.done_at IS NULL THEN r.decision END,
         decided_at = CASE WHEN r.done_at IS NULL THEN r.decided_at END,
         decided_by = CASE WHEN r.done_at IS NULL THEN r.decided_by END,
         ticket = CASE WHEN r.done_at IS NULL THEN r.ticket END, done_at = NULL`,
      [systemId, restoreId, JSON.stringify(found.map((one) => ({ ...one, reviewId: randomUUID() }))), now],
    )
  }

  /** What was found in a copy that is not in use; what the store in use has shown counts more. Idempotent. */
  async noteCopy(systemId: string, applyId: string, found: readonly Undated[], now: number): Promise<void> {
    if (found.length === 0) return
    await this.pool.query(
      `INSERT INTO restore.reviews (review_id, system_id, tombstone_id, request_id, restore_id, found, found_at)
       SELECT f->>'reviewId', $1, f->>'tombstoneId', f->>'requestId', $2, f->'found', $4
       FROM jsonb_array_elements($3::jsonb) AS f ON CONFLICT (system_id, tombstone_id) DO NOTHING`,
      [systemId, applyId, JSON.stringify(found.map((one) => ({ ...one, reviewId: randomUUID() }))), now],
    )
  }

  /** Decisions to erase that were carried out: nothing undated is found of these people any more. */
  async done(systemId: string, tombstoneIds: readonly string[], now: number): Promise<void> {
    if (tombstoneIds.length === 0) return
    await this.pool.query(
      `UPDATE restore.reviews SET done_at = $3
       WHERE system_id = $1 AND tombstone_id = ANY ($2) AND decision = 'erase' AND done_at IS NULL`,
      [systemId, tombstoneIds, now],
    )
  }

  /** Nobody asks any more about records that are gone. */
  async gone(systemId: string, tombstoneIds: readonly string[]): Promise<void> {
    if (tombstoneIds.length === 0) return
    await this.pool.query(
      'DELETE FROM restore.reviews WHERE system_id = $1 AND tombstone_id = ANY ($2) AND decision IS NULL',
      [systemId, tombstoneIds],
    )
  }

  /** People of that system nobody has decided about. */
  async open(systemId: string): Promise<number> {
    const { rows } = await this.pool.query<{ n: string }>(
      'SELECT count(*) AS n FROM restore.reviews WHERE system_id = $1 AND decision IS NULL',
      [systemId],
    )
    return Number(rows[0]?.n ?? 0)
  }

  /** Of those that this restore found, people nobody has decided about. */
  async openOf(restoreId: string): Promise<number> {
    const { rows } = await this.pool.query<{ n: string }>(
      'SELECT count(*) AS n FROM restore.reviews WHERE restore_id = $1 AND decision IS NULL',
      [restoreId],
    )
    return Number(rows[0]?.n ?? 0)
  }

  /** Newest first; those that are decided only with `all`. */
  async list(systemId: string | null, all: boolean, limit: number): Promise<Review[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.reviews WHERE ($1::text IS NULL OR system_id = $1) AND ($2 OR decision IS NULL)
       ORDER BY found_at DESC, review_id LIMIT $3`,
      [systemId, all, limit],
    )
    return rows.map(reviewOf)
  }

  async review(reviewId: string): Promise<Review | null> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM restore.reviews WHERE review_id = $1', [
      reviewId,
    ])
    return rows[0] ? reviewOf(rows[0]) : null
  }

  /** False when a decision was carried out already. */
  async decide(
    reviewId: string,
    { decision, by, ticket, at }: { decision: Decision; by: string; ticket: string; at: number },
  ): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `UPDATE restore.reviews SET decision = $2, decided_by = $3, ticket = $4, decided_at = $5
       WHERE review_id = $1 AND done_at IS NULL`,
      [reviewId, decision, by, ticket, at],
    )
    return rowCount === 1
  }
}
