import type { Outcome, Session, Subject } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import type { Source } from './stand.js'

const DAY_MS = 86_400_000
const BATCH = 500

/** Live tombstones of people in a system, in the read model and in what `request` gives out. */
export async function tombstonesOf(
  pool: Pool,
  source: Source,
  systemId: string,
  users: readonly string[],
): Promise<Subject[]> {
  const now = Date.now()
  await pool.query(
    `INSERT INTO read_model.tombstones (tombstone_id, request_id, system_id, tenant_id, subject_ref, sequence,
       epoch, map_version, effective_at, expires_at)
     SELECT 'tombstone-' || u, 'request-' || u, $4, 'shop', 'ref-' || u, 1, 'e1', 1, $2, $3
     FROM unnest($1::text[]) AS u`,
    [users, now, now + DAY_MS, systemId],
  )
  return users.map((value) => {
    const subject: Subject = {
      subjectRef: `ref-${value}`,
      tenantId: 'shop',
      receivedAt: now,
      identifiers: [{ type: 'user_id', value }],
    }
    const ids = { tombstoneId: `tombstone-${value}`, requestId: `request-${value}` }
    source.tombstones.set(ids.tombstoneId, { ...ids, mapVersion: 1, held: false, subject })
    return subject
  })
}

/** Erases people as an eraser does, with receipts in the store; closes the session. */
export async function eraseInitially(
  session: Session,
  systemId: string,
  subjects: readonly Subject[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  try {
    for (let from = 0; from < subjects.length; from += BATCH) {
      const passes = subjects.slice(from, from + BATCH).map((subject) => ({
        requestId: `request-${subject.subjectRef.slice('ref-'.length)}`,
        systemId,
        stepId: `${systemId}#1`,
        passId: `${systemId}#1/initial`,
        attempt: 1,
        subject,
        grant: { grantId: 'spec', expiresAt: Date.now() + 60_000 },
        ceilingWaived: false,
      }))
      outcomes.push(
        ...(await session.erase(passes, {
          signal: AbortSignal.timeout(60_000),
          now: Date.now,
          receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
        })),
      )
    }
    return outcomes
  } finally {
    await session.close()
  }
}
