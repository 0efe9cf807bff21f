import type { Pool } from 'pg'

/** Their requests are done, as the read model says: a sweep leaves alone whoever is still being erased. */
export async function completed(pool: Pool, users: readonly string[]): Promise<void> {
  await pool.query(
    `INSERT INTO read_model.requests (request_id, tenant_id, subject_ref, version, status, regime, channel,
       requester_role, requested_by, ground, received_at, due_at, holds, systems_total, systems_done, completed_at,
       backup_clear, system_marks)
     SELECT 'request-' || u, 'shop', 'ref-' || u, 1, 'COMPLETED', 'gdpr', 'http', 'self', 'spec', '17(1)(b)', 1, 2, '[]',
       1, 1, 3, false, 0 FROM unnest($1::text[]) AS u`,
    [users],
  )
}
