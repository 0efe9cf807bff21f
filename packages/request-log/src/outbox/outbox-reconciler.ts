import type { Pool } from 'pg'

export interface ReconcilerOptions {
  readonly pool: Pool
  /**
   * A row not confirmed within this time counts as lost, milliseconds; default 30 s. The wait doubles with each
   * publication up to `longestWaitMs`, and there is no last one: Kafka may be away for days.
   */
  readonly lostAfterMs?: number
  /**
   * Longest wait between two publications of a row, milliseconds; default one minute, never less than
   * `lostAfterMs`. It is what a request still waits once the way to Kafka is whole again.
   */
  readonly longestWaitMs?: number
  /** Publications of one message, the first included, from which on it counts as `exhausted`; default 5. */
  readonly alarmAfterAttempts?: number
  /** Rows one sweep republishes at most; default 500. */
  readonly batchSize?: number
}

export interface SweepReport {
  /** ce_ids that were written to the log of the database again. */
  readonly republished: readonly string[]
  /** Lost although published that often: an alarm, the way to Kafka is broken. Republishing goes on. */
  readonly exhausted: number
  /**
   * Unconfirmed rows in all, and the milliseconds since the oldest was first written (0 when there is
   * none), whatever was republished since.
   */
  readonly pending: number
  readonly oldestMs: number
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const CONFIRM_BATCH = 1_000
const LOST_AFTER_MS = 30_000
const LONGEST_WAIT_MS = 60_000

/**
 * Finds outbox rows that never arrived on their topic, for example because the replication slot was
 * dropped or invalidated, and publishes them again. A row stays in the table until `confirm` has
 * seen its ce_id on the topic, so no row is forgotten; consumers drop duplicates by ce_id.
 */
export class OutboxReconciler {
  readonly #pool: Pool
  readonly #lostAfterMs: number
  readonly #longestWaitMs: number
  readonly #alarmAfterAttempts: number
  readonly #batchSize: number

  constructor(options: ReconcilerOptions) {
    this.#pool = options.pool
    this.#lostAfterMs = options.lostAfterMs ?? LOST_AFTER_MS
    this.#longestWaitMs = Math.max(this.#lostAfterMs, options.longestWaitMs ?? LONGEST_WAIT_MS)
    this.#alarmAfterAttempts = options.alarmAfterAttempts ?? 5
    this.#batchSize = options.batchSize ?? 500
  }

  /**
   * Deletes rows whose message was seen on its topic. Harmless when repeated, and for ids that were
   * never in the outbox. @returns rows deleted
   */
  async confirm(ceIds: readonly string[]): Promise<number> {
    const known = ceIds.filter((id) => UUID.test(id))
    let deleted = 0
    for (let from = 0; from < known.length; from += CONFIRM_BATCH) {
      const { rowCount } = await this.#pool.query(
        'DELETE FROM outbox.message WHERE ce_id = ANY ($1::uuid[])',
        [known.slice(from, from + CONFIRM_BATCH)],
      )
      deleted += rowCount ?? 0
    }
    return deleted
  }

  /**
   * Republishes at most one batch of lost rows: an equal row with a new id and the next attempt takes
   * the place of each. Sweeps of several processes at once do not take the same row.
   */
  async sweep(): Promise<SweepReport> {
    const { rows } = await this.#pool.query<{ ce_id: string }>(REPUBLISH, [
      this.#lostAfterMs / 1_000,
      this.#longestWaitMs / 1_000,
      this.#batchSize,
    ])
    const { rows: totals } = await this.#pool.query<{
      pending: string
      exhausted: string
      oldest_ms: string
    }>(TOTALS, [this.#lostAfterMs / 1_000, this.#alarmAfterAttempts])
    return {
      republished: rows.map((row) => row.ce_id),
      exhausted: Number(totals[0]?.exhausted ?? 0),
      pending: Number(totals[0]?.pending ?? 0),
      oldestMs: Math.max(0, Number(totals[0]?.oldest_ms ?? 0)),
    }
  }
}

/**
 * An update would not do: Debezium's router publishes inserts only. `created_at` is the time of this
 * publication; the exponent is bounded because 2^1024 is no double any more.
 */
const REPUBLISH = `
  WITH lost AS (
    SELECT * FROM outbox.message
    WHERE created_at < now() - make_interval(secs => $1)
      AND created_at < now() - make_interval(secs => least($1 * power(2, least(attempt - 1, 30)), $2))
    ORDER BY position LIMIT $3 FOR UPDATE SKIP LOCKED
  ), again AS (
    INSERT INTO outbox.message
      (id, ce_id, aggregatetype, aggregateid, type, payload, systems, traceparent, ce_time, attempt)
    SELECT gen_random_uuid(), ce_id, aggregatetype, aggregateid, type, payload, systems, traceparent, ce_time, attempt + 1
    FROM lost ORDER BY position
  )
  DELETE FROM outbox.message AS message USING lost WHERE message.id = lost.id
  RETURNING message.ce_id`

const TOTALS = `
  SELECT count(*) AS pending,
         count(*) FILTER (WHERE attempt >= $2 AND created_at < now() - make_interval(secs => $1)) AS exhausted,
         coalesce(extract(epoch FROM clock_timestamp()) * 1000 - min(ce_time), 0) AS oldest_ms
  FROM outbox.message`
