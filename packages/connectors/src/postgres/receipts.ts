import type { Marker, Outcome, Receipt, ReceiptKey } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase, Pool } from 'pg'
import { failureOf, GRANT_EXPIRED_STATE } from './errors.js'

/**
 * Schema `lethe` inside the store: receipts, marker, shared rows. Run by the store's owner, or by the
 * connector where its role may create a schema. Running it again changes nothing.
 *
 * The deferred trigger is what keeps a commit from happening after its grant expired: it runs inside
 * COMMIT on the server, so it holds even when the eraser's process was stopped in between.
 */
export const install = `
SELECT pg_advisory_xact_lock(hashtext('lethe.install'));
CREATE SCHEMA IF NOT EXISTS lethe;
CREATE TABLE IF NOT EXISTS lethe.receipts (
  request_id text NOT NULL,
  pass_id text NOT NULL,
  body text NOT NULL,
  outcome jsonb NOT NULL,
  grant_expires_at timestamptz NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (request_id, pass_id)
);
CREATE INDEX IF NOT EXISTS receipts_written_at ON lethe.receipts (written_at);
CREATE TABLE IF NOT EXISTS lethe.marker (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  value text,
  receipts bigint NOT NULL DEFAULT 0,
  written_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS lethe.shared_rows (
  tenant_id text NOT NULL,
  collection text NOT NULL,
  key jsonb NOT NULL,
  PRIMARY KEY (tenant_id, collection)
);
CREATE TABLE IF NOT EXISTS lethe.kept_rows (
  request_id text NOT NULL,
  collection text NOT NULL,
  key jsonb NOT NULL,
  PRIMARY KEY (request_id, collection, key)
);
CREATE OR REPLACE FUNCTION lethe.refuse_late_commit() RETURNS trigger LANGUAGE plpgsql AS $lethe$
BEGIN
  IF clock_timestamp() > NEW.grant_expires_at THEN
    RAISE EXCEPTION 'the grant expired before commit' USING ERRCODE = '${GRANT_EXPIRED_STATE}';
  END IF;
  RETURN NULL;
END
$lethe$;
DO $lethe$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = 'receipts_grant' AND tgrelid = 'lethe.receipts'::regclass) THEN
    CREATE CONSTRAINT TRIGGER receipts_grant AFTER INSERT ON lethe.receipts
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lethe.refuse_late_commit();
  END IF;
END
$lethe$;`

/** True when receipts, marker, shared rows and an enabled trigger are there. */
export async function installed(db: Pool | ClientBase): Promise<boolean> {
  const result = await db.query<{ ready: boolean }>(`
    SELECT to_regclass('lethe.marker') IS NOT NULL AND to_regclass('lethe.shared_rows') IS NOT NULL
      AND to_regclass('lethe.kept_rows') IS NOT NULL
      AND EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = to_regclass('lethe.receipts')
        AND t.tgname = 'receipts_grant' AND t.tgenabled IN ('O', 'A') AND t.tginitdeferred) AS ready`)
  return result.rows[0]?.ready === true
}

export async function ensureInstalled(db: Pool): Promise<void> {
  if (await installed(db)) return
  try {
    await db.query(install)
  } catch (error) {
    if (failureOf(error).code !== 'missing_rights') throw error
    throw new TerminalError(
      'receipts_not_installed',
      'Schema lethe is missing or incomplete and this role may not create it: run the install SQL of the README as owner.',
    )
  }
}

export async function readReceipts(db: Pool | ClientBase, keys: readonly ReceiptKey[]): Promise<Receipt[]> {
  const { rows } = await db.query<{ request_id: string; pass_id: string; body: string }>(
    `SELECT r.request_id, r.pass_id, r.body FROM lethe.receipts r
     JOIN unnest($1::text[], $2::text[]) AS k(request_id, pass_id) USING (request_id, pass_id)`,
    [keys.map((key) => key.requestId), keys.map((key) => key.passId)],
  )
  return rows.map((row) => ({ requestId: row.request_id, passId: row.pass_id, body: row.body }))
}

/** Outcomes of passes that already committed, by place in `keys`. */
export async function committedOutcomes(
  db: ClientBase,
  keys: readonly ReceiptKey[],
): Promise<Map<number, Outcome>> {
  const { rows } = await db.query<{ ord: number; outcome: Outcome }>(
    `SELECT k.ord, r.outcome FROM lethe.receipts r
     JOIN unnest($1::text[], $2::text[], $3::int4[]) AS k(request_id, pass_id, ord) USING (request_id, pass_id)`,
    [keys.map((key) => key.requestId), keys.map((key) => key.passId), keys.map((_, ord) => ord)],
  )
  return new Map(rows.map((row) => [row.ord, row.outcome]))
}

export interface ReceiptRow {
  readonly receipt: Receipt
  readonly outcome: Outcome
  /** Epoch milliseconds by the server's clock. */
  readonly deadline: number
}

/** Writes receipts and counts them in the marker. Returns how many were new: fewer than given means someone else committed one. */
export async function writeReceipts(db: ClientBase, rows: readonly ReceiptRow[]): Promise<number> {
  const result = await db.query(
    `INSERT INTO lethe.receipts (request_id, pass_id, body, outcome, grant_expires_at)
     SELECT request_id, pass_id, body, outcome::jsonb, to_timestamp(deadline / 1000.0)
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[]) AS r(request_id, pass_id, body, outcome, deadline)
     ORDER BY request_id, pass_id ON CONFLICT DO NOTHING`,
    [
      rows.map((row) => row.receipt.requestId),
      rows.map((row) => row.receipt.passId),
      rows.map((row) => row.receipt.body),
      rows.map((row) => JSON.stringify(row.outcome)),
      rows.map((row) => row.deadline),
    ],
  )
  await countBatch(db)
  return result.rowCount ?? 0
}

/** Last of all in a transaction: every eraser of this store writes the same row, and this lock lasts until COMMIT. */
export async function countBatch(db: ClientBase): Promise<void> {
  await db.query(`
    INSERT INTO lethe.marker AS m (receipts, written_at) VALUES (1, clock_timestamp())
    ON CONFLICT (single) DO UPDATE SET receipts = m.receipts + 1, written_at = excluded.written_at`)
}

export async function readMarker(db: Pool): Promise<Marker> {
  const { rows } = await db.query<{ value: string | null; receipts: string }>(
    'SELECT value, receipts FROM lethe.marker',
  )
  return { found: rows[0]?.value ?? null, receipts: Number(rows[0]?.receipts ?? 0) }
}

/** Compare-and-set; false when another value stands there. */
export async function replaceMarker(db: Pool, expected: string | null, next: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO lethe.marker AS m (value, written_at) SELECT $2, clock_timestamp() WHERE $1::text IS NULL
       OR EXISTS (SELECT FROM lethe.marker)
     ON CONFLICT (single) DO UPDATE SET value = excluded.value, written_at = excluded.written_at
       WHERE m.value IS NOT DISTINCT FROM $1`,
    [expected, next],
  )
  return rowCount === 1
}

export async function pruneReceipts(db: Pool, before: Date): Promise<number> {
  const result = await db.query('DELETE FROM lethe.receipts WHERE written_at < $1', [before])
  return result.rowCount ?? 0
}
