import type { Pool, PoolClient } from 'pg'
import type { ClearanceAnswer, ClearanceQuestion } from './clearance.js'

interface Answered {
  /** Epoch milliseconds. */
  readonly at: number
  readonly credentialId: string
  readonly question: ClearanceQuestion
  readonly answers: readonly ClearanceAnswer[]
}

/** One row per pass that was asked for, whatever the answer; names nobody. */
export async function auditClearances(client: PoolClient, answered: Answered): Promise<void> {
  const { at, credentialId, question, answers } = answered
  if (answers.length === 0) return
  await client.query({
    name: 'audit-clearances',
    text: `INSERT INTO audit.clearances
             (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision, code, grant_id)
           SELECT $1, $2, $3, $4, asked.*
           FROM unnest($5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[]) AS asked`,
    values: [
      at,
      credentialId,
      question.systemId,
      question.purpose,
      answers.map((answer) => answer.requestId),
      answers.map((answer) => answer.passId),
      question.passes.map((pass) => pass.attempt),
      answers.map((answer) => answer.decision),
      answers.map((answer) => answer.code ?? null),
      answers.map((answer) => answer.grant?.grantId ?? null),
    ],
  })
}

/** Somebody asked for clearance who may not: one row per request they named. */
export async function auditRefused(
  pool: Pool,
  refused: {
    at: number
    credentialId: string
    systemId: string
    purpose: 'erase' | 'probe'
    requestIds: readonly string[]
  },
): Promise<void> {
  const { at, credentialId, systemId, purpose, requestIds } = refused
  await pool.query(
    `INSERT INTO audit.clearances
       (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision, code)
     SELECT $1, $2, $3, $4, request_id, '@refused', 1, 'never', 'forbidden' FROM unnest($5::text[]) AS request_id`,
    [at, credentialId, systemId, purpose, requestIds],
  )
}

/** Somebody looked at how much is held about someone; the row says who, when and where, not about whom. */
export async function auditPreview(
  pool: Pool,
  preview: { at: number; credentialId: string; previewId: string; systemIds: readonly string[] },
): Promise<void> {
  await pool.query(
    `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
     SELECT $1, $2, system_id, 'preview', $3, 'preview', 1, 'go' FROM unnest($4::text[]) AS system_id`,
    [preview.at, preview.credentialId, preview.previewId, preview.systemIds],
  )
}

/** Somebody asked which systems hold someone; the row says who, when and where, not about whom. */
export async function auditWhere(
  pool: Pool,
  asked: { at: number; credentialId: string; whereId: string; systemIds: readonly string[] },
): Promise<void> {
  await pool.query(
    `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
     SELECT $1, $2, system_id, 'where', $3, 'where', 1, 'go' FROM unnest($4::text[]) AS system_id`,
    [asked.at, asked.credentialId, asked.whereId, asked.systemIds],
  )
}

/** Somebody looked for the requests of someone; the row says who and when, not about whom. */
export async function auditPersonSearch(
  pool: Pool,
  asked: { at: number; credentialId: string; searchId: string },
): Promise<void> {
  await pool.query(
    `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
     VALUES ($1, $2, '@person', 'find_person', $3, 'find_person', 1, 'go')`,
    [asked.at, asked.credentialId, asked.searchId],
  )
}

/** An officer said who is meant by a request; the row says who did, the vault whom. */
export async function auditReview(
  client: PoolClient,
  review: { at: number; credentialId: string; requestId: string },
): Promise<void> {
  await client.query(
    `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
     VALUES ($1, $2, '@person', 'identity_review', $3, 'identity_review', 1, 'go')`,
    [review.at, review.credentialId, review.requestId],
  )
}

/** The restore service read whom a store must not bring back; the row says how many, not whom. */
export async function auditTombstones(
  pool: Pool,
  read: { at: number; credentialId: string; systemId: string; reason: string; count: number | 'peppers' },
): Promise<void> {
  await pool.query(
    `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
     VALUES ($1, $2, $3, 'tombstones', $4, $5, 1, 'go')`,
    [
      read.at,
      read.credentialId,
      read.systemId,
      read.reason,
      read.count === 'peppers' ? 'peppers' : `${read.count} tombstones`,
    ],
  )
}

/** Somebody brought in people who were erased by other means, or looked what that would do; the row counts them. */
export async function auditImport(
  db: Pool | PoolClient,
  done: {
    at: number
    credentialId: string
    dryRun: boolean
    imported: number
    already: number
    expired: number
    bad: readonly unknown[]
  },
): Promise<void> {
  const { at, credentialId, dryRun, imported, already, expired, bad } = done
  await db.query(
    `INSERT INTO audit.tombstone_imports (at, credential_id, dry_run, imported, already, expired, bad)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [at, credentialId, dryRun, imported, already, expired, bad.length],
  )
}

/** Somebody was told whom a task is about; the row says who was, when, and under which grant. */
export async function auditTask(
  client: PoolClient,
  taken: {
    at: number
    credentialId: string
    systemId: string
    requestId: string
    passId: string
    attempt: number
    grantId: string
  },
): Promise<void> {
  await client.query(
    `INSERT INTO audit.clearances
       (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision, grant_id)
     VALUES ($1, $2, $3, 'task', $4, $5, $6, 'go', $7)`,
    [
      taken.at,
      taken.credentialId,
      taken.systemId,
      taken.requestId,
      taken.passId,
      taken.attempt,
      taken.grantId,
    ],
  )
}
