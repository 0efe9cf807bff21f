import type { Queryable, TenantScope } from '@lethe/request-log'
import { scopeParameter } from '@lethe/request-log'
import type { BulkVerb } from '../domain/permissions.js'

/** A job as its table has it. Times are epoch milliseconds. */
export interface BulkJob {
  readonly jobId: string
  readonly verb: BulkVerb
  readonly list: string
  readonly tenants: TenantScope
  readonly credentialId: string
  /** `running` only while somebody holds its lease. */
  readonly state: 'shown' | 'running' | 'interrupted' | 'done'
  readonly reason: string | null
  readonly total: number
  readonly leftOut: number
  readonly createdAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
}

export interface BulkItem {
  readonly position: number
  readonly requestId: string
  readonly status: string
  readonly hindrance: string | null
  readonly askedAt: number | null
  readonly outcome: string | null
}

/** How many of its requests are alike. */
export interface BulkCount {
  readonly status: string
  readonly hindrance: string | null
  readonly outcome: string | null
  readonly n: number
}

/** A job whose process crashed ended when its lease ran out: then it is told to whoever watches. */
const JOB = `job_id, verb, list, tenants, credential_id, total, left_out, created_at, started_at,
  CASE WHEN state = 'running' AND leased_until < $1 THEN leased_until ELSE ended_at END AS ended_at,
  CASE WHEN state = 'running' AND leased_until < $1 THEN 'interrupted' ELSE state END AS state,
  CASE WHEN state = 'running' AND leased_until < $1 THEN 'process_ended' ELSE reason END AS reason`

/** Writes a job and what it is made of; all or nothing. */
export async function insertJob(
  db: Queryable,
  job: BulkJob,
  items: readonly Pick<BulkItem, 'requestId' | 'status' | 'hindrance'>[],
): Promise<void> {
  await db.query(
    `WITH job AS (
       INSERT INTO ops.bulk_jobs (job_id, verb, list, tenants, credential_id, state, total, left_out, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9))
     INSERT INTO ops.bulk_items (job_id, position, request_id, status, hindrance)
     SELECT $1, n, id, status, hindrance
     FROM unnest($10::text[], $11::text[], $12::text[]) WITH ORDINALITY AS given (id, status, hindrance, n)`,
    [
      job.jobId,
      job.verb,
      job.list,
      scopeParameter(job.tenants),
      job.credentialId,
      job.state,
      job.total,
      job.leftOut,
      job.createdAt,
      items.map(({ requestId }) => requestId),
      items.map(({ status }) => status),
      items.map(({ hindrance }) => hindrance),
    ],
  )
}

/** What was shown and never begun, and is older than that, goes. */
export async function dropUnbegun(db: Queryable, before: number): Promise<void> {
  await db.query("DELETE FROM ops.bulk_jobs WHERE state = 'shown' AND created_at < $1", [before])
}

export async function readJobs(
  db: Queryable,
  now: number,
  { jobId = null, limit = 50 }: { jobId?: string | null; limit?: number } = {},
): Promise<BulkJob[]> {
  const { rows } = await db.query<Record<string, string | string[] | null>>(
    `SELECT ${JOB} FROM ops.bulk_jobs WHERE $2::text IS NULL OR job_id = $2 ORDER BY created_at DESC, job_id LIMIT $3`,
    [now, jobId, limit],
  )
  return rows.map(jobOf)
}

export async function countItems(db: Queryable, jobId: string): Promise<BulkCount[]> {
  const { rows } = await db.query<{
    status: string
    hindrance: string | null
    outcome: string | null
    n: string
  }>(
    `SELECT status, hindrance, CASE WHEN outcome IS NULL AND asked_at IS NOT NULL THEN 'not_known' ELSE outcome END
       AS outcome, count(*) AS n
     FROM ops.bulk_items WHERE job_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [jobId],
  )
  return rows.map((row) => ({ ...row, n: Number(row.n) }))
}

export async function readItems(
  db: Queryable,
  jobId: string,
  page: { after: number; limit: number; outcome: string | null },
): Promise<BulkItem[]> {
  const { rows } = await db.query<Record<string, string | number | null>>(
    `SELECT position, request_id, status, hindrance, asked_at, outcome FROM ops.bulk_items
     WHERE job_id = $1 AND position > $2 AND ($4::text IS NULL OR outcome = $4) ORDER BY position LIMIT $3`,
    [jobId, page.after, page.limit, page.outcome],
  )
  return rows.map(itemOf)
}

/** Those still to be asked, those first of which it is not known. */
export async function toDo(db: Queryable, jobId: string, limit: number): Promise<BulkItem[]> {
  const { rows } = await db.query<Record<string, string | number | null>>(
    `SELECT position, request_id, status, hindrance, asked_at, outcome FROM ops.bulk_items
     WHERE job_id = $1 AND outcome IS NULL ORDER BY asked_at NULLS LAST, position LIMIT $2`,
    [jobId, limit],
  )
  return rows.map(itemOf)
}

/** From now on it is not known whether they were done. */
export async function markAsked(
  db: Queryable,
  jobId: string,
  positions: readonly number[],
  at: number,
): Promise<void> {
  await db.query(
    'UPDATE ops.bulk_items SET asked_at = $3 WHERE job_id = $1 AND position = ANY ($2::integer[]) AND asked_at IS NULL',
    [jobId, positions, at],
  )
}

export async function markOutcome(
  db: Queryable,
  jobId: string,
  position: number,
  outcome: string,
): Promise<void> {
  await db.query('UPDATE ops.bulk_items SET outcome = $3 WHERE job_id = $1 AND position = $2', [
    jobId,
    position,
    outcome,
  ])
}

/** Takes a job that nobody works on. @returns false when somebody does, or it is done */
export async function takeLease(
  db: Queryable,
  jobId: string,
  runner: string,
  now: number,
  untilMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE ops.bulk_jobs SET state = 'running', reason = NULL, runner = $2, leased_until = $4, ended_at = NULL,
       started_at = coalesce(started_at, $3)
     WHERE job_id = $1 AND (state IN ('shown', 'interrupted') OR (state = 'running' AND leased_until < $3))`,
    [jobId, runner, now, untilMs],
  )
  return rowCount === 1
}

/** @returns false when another has taken it over, or somebody stopped it: then nothing more may be asked */
export async function keepLease(
  db: Queryable,
  jobId: string,
  runner: string,
  untilMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE ops.bulk_jobs SET leased_until = $3 WHERE job_id = $1 AND runner = $2 AND state = 'running'",
    [jobId, runner, untilMs],
  )
  return rowCount === 1
}

/** Nothing when another has taken it over. `runner` null: whoever has it. */
export async function endLease(
  db: Queryable,
  jobId: string,
  runner: string | null,
  end: { state: 'interrupted' | 'done'; reason: string | null; at: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE ops.bulk_jobs SET state = $3, reason = $4, ended_at = $5, leased_until = NULL
     WHERE job_id = $1 AND ($2::text IS NULL OR runner = $2) AND state = 'running'`,
    [jobId, runner, end.state, end.reason, end.at],
  )
  return rowCount === 1
}

/** Whether this credential has held the request since then: asking again would hold it twice. */
export async function heldSince(
  db: Queryable,
  requestId: string,
  credentialId: string,
  since: number,
): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT 1 FROM events.events WHERE stream_id = $1 AND type = 'RequestHeld'
       AND data ->> 'by' = $2 AND (data ->> 'at')::bigint >= $3 LIMIT 1`,
    [requestId, credentialId, since],
  )
  return rows.length > 0
}

const instant = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value)

const jobOf = (row: Record<string, string | string[] | null>): BulkJob => ({
  jobId: String(row['job_id']),
  verb: String(row['verb']) as BulkVerb,
  list: String(row['list']),
  tenants: Array.isArray(row['tenants']) ? row['tenants'] : '*',
  credentialId: String(row['credential_id']),
  state: String(row['state']) as BulkJob['state'],
  reason: row['reason'] === null ? null : String(row['reason']),
  total: Number(row['total']),
  leftOut: Number(row['left_out']),
  createdAt: Number(row['created_at']),
  startedAt: instant(row['started_at']),
  endedAt: instant(row['ended_at']),
})

const itemOf = (row: Record<string, string | number | null>): BulkItem => ({
  position: Number(row['position']),
  requestId: String(row['request_id']),
  status: String(row['status']),
  hindrance: row['hindrance'] === null ? null : String(row['hindrance']),
  askedAt: instant(row['asked_at']),
  outcome: row['outcome'] === null ? null : String(row['outcome']),
})
