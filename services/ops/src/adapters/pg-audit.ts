import type { Queryable } from '@lethe/request-log'

/** One row of `audit.actions`. Epoch milliseconds. */
export interface ActionRow {
  readonly at: number
  readonly actionId: string
  readonly credentialId: string
  readonly sessionId: string | null
  readonly action: string
  readonly target: string
  readonly outcome: string
}

/** All rows or none. */
export async function auditActions(db: Pick<Queryable, 'query'>, rows: readonly ActionRow[]): Promise<void> {
  const column = (name: keyof ActionRow) => rows.map((row) => row[name])
  await db.query(
    `INSERT INTO audit.actions (at, action_id, credential_id, session_id, action, target, outcome)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    [
      column('at'),
      column('actionId'),
      column('credentialId'),
      column('sessionId'),
      column('action'),
      column('target'),
      column('outcome'),
    ],
  )
}
