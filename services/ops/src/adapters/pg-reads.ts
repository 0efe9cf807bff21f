import { type Queryable, scopeParameter, type TenantScope } from '@lethe/request-log'
import type { OpenRequest } from '../domain/at-risk.js'
import { OUTBOX } from '../domain/delays.js'

// What only this service asks of the read models; everything else is asked through the request log's own queries.

/** The first of each cell of the index by deadline: down the deadlines of all, hundreds of thousands have ended. */
const NEAREST = `
  SELECT one.* FROM unnest(ARRAY['SCHEDULED', 'IN_PROGRESS', 'AWAITING_VERIFICATION']) AS named (status)
    CROSS JOIN (VALUES (true), (false)) AS live (erased)
    CROSS JOIN (VALUES (true), (false)) AS backups (clear)
    CROSS JOIN (VALUES (true), (false)) AS plan (made)
    CROSS JOIN LATERAL (
      SELECT request_id, tenant_id, status, due_at FROM read_model.requests AS request
      WHERE request.status = named.status AND (request.live_erased_at IS NOT NULL) = live.erased
        AND request.backup_clear = backups.clear AND (request.system_marks <> 0) = plan.made
        AND ($1::text[] IS NULL OR request.tenant_id = ANY ($1))
      ORDER BY request.due_at, request.request_id LIMIT $2
    ) AS one ORDER BY one.due_at, one.request_id LIMIT $2`

/** Requests that Lethe still works on by itself, and through which places their work has to pass. */
export async function underWay(
  db: Queryable,
  tenants: TenantScope,
  limit: number,
): Promise<readonly OpenRequest[]> {
  const { rows } = await db.query<{
    request_id: string
    tenant_id: string
    status: string
    due_at: string
    erasing: string[] | null
    probing: string[] | null
  }>(
    `SELECT request_id, tenant_id, status, due_at,
       (SELECT array_agg(DISTINCT step.system_id) FROM read_model.steps AS step
        WHERE step.request_id = request.request_id AND step.status IN ('PENDING', 'IN_PROGRESS')
          AND NOT step.detail ? 'task') AS erasing,
       (SELECT array_agg(DISTINCT one.system_id) FROM read_model.verifications AS one
        WHERE one.request_id = request.request_id AND one.status <> 'NOT_APPLICABLE'
          AND NOT one.detail ? 'attested'
          AND (one.detail ->> 'verified') IS DISTINCT FROM 'true') AS probing
     FROM (${NEAREST}) AS request ORDER BY due_at, request_id`,
    [scopeParameter(tenants), limit],
  )
  return rows.map((row) => ({
    requestId: row.request_id,
    tenantId: row.tenant_id,
    status: row.status,
    dueAt: Number(row.due_at),
    places: placesOf(row.erasing ?? [], row.probing ?? []),
  }))
}

function placesOf(erasing: readonly string[], probing: readonly string[]): string[] {
  const own = [...erasing.map((id) => `eraser.${id}`), ...probing.map((id) => `probe.${id}`)]
  return own.length === 0 ? [] : [OUTBOX, ...own.sort(), 'aggregator']
}

/** A pass that was asked for and not yet acknowledged. */
export interface OpenPass {
  readonly requestId: string
  readonly tenantId: string
  readonly stepId: string
  readonly systemId: string
  readonly passId: string
  readonly attempt: number
  /** Epoch milliseconds. */
  readonly requestedAt: number
  readonly links: { readonly request: string }
}

/** The pass that has waited longest for its acknowledgement; null when none waits. A task waits for a person. */
export async function oldestUnacknowledged(db: Queryable, tenants: TenantScope): Promise<OpenPass | null> {
  const { rows } = await db.query<Record<string, string>>(
    `SELECT request_id, tenant_id, step_id, system_id, detail ->> 'passId' AS pass_id,
       detail ->> 'attempt' AS attempt, detail ->> 'requestedAt' AS requested_at
     FROM read_model.steps
     WHERE status = 'IN_PROGRESS' AND detail ->> 'acknowledgedAt' IS NULL AND detail ->> 'requestedAt' IS NOT NULL
       AND NOT detail ? 'task'
       AND ($1::text[] IS NULL OR tenant_id = ANY ($1))
     ORDER BY (detail ->> 'requestedAt')::bigint, request_id, step_id LIMIT 1`,
    [scopeParameter(tenants)],
  )
  const [row] = rows
  if (!row) return null
  return {
    requestId: String(row['request_id']),
    tenantId: String(row['tenant_id']),
    stepId: String(row['step_id']),
    systemId: String(row['system_id']),
    passId: String(row['pass_id']),
    attempt: Number(row['attempt']),
    requestedAt: Number(row['requested_at']),
    links: { request: `/v1/requests/${row['request_id']}` },
  }
}

/** The gate of one store. */
export interface Gate {
  readonly systemId: string
  readonly state: 'open' | 'shut'
  /**
   * What can be said of it: `advisory` is shut as far as Lethe goes, and the store itself keeps nobody out; `unknown`
   * is a store that nobody watches, has looked at lately, or whose marker an eraser did not know.
   */
  readonly standing: 'open' | 'shut' | 'advisory' | 'unknown'
  /** False for a store that the restore service does not watch: it is open because nobody could shut it. */
  readonly watched: boolean
  /** When the restore service last knew the copy that answered, epoch milliseconds. */
  readonly lookedAt: number | null
  readonly strength: string | null
  readonly restoreId: string | null
  readonly reason: string | null
  /** Epoch milliseconds; null where nobody watches. */
  readonly since: number | null
}

/** The restore service looks every few seconds. */
const LOOK_IS_OLD_MS = 60_000

interface GateRow {
  readonly system_id: string
  readonly state: 'open' | 'shut' | null
  readonly strength: string | null
  readonly restore_id: string | null
  readonly reason: string | null
  readonly since: string | null
  readonly confirmed_at: string | null
  readonly suspected: boolean
}

/** Every gate there is, and an open one for each of these systems that has none. */
export async function gates(
  db: Queryable,
  systemIds: readonly string[],
  now: number = Date.now(),
): Promise<Gate[]> {
  const { rows } = await db.query<GateRow>(
    `SELECT system_id, gate.state, gate.strength, gate.restore_id, gate.reason, gate.since, marker.confirmed_at,
       EXISTS (SELECT FROM restore.suspicions AS one WHERE one.system_id = marker.system_id) AS suspected
     FROM restore.gates AS gate FULL JOIN restore.markers AS marker USING (system_id)`,
  )
  const known = new Map<string, Gate>(rows.map((row) => [row.system_id, gateOf(row, now)]))
  for (const systemId of systemIds) if (!known.has(systemId)) known.set(systemId, unwatched(systemId))
  return [...known.values()].sort((a, b) => (a.systemId < b.systemId ? -1 : 1))
}

function gateOf(row: GateRow, now: number): Gate {
  const lookedAt = row.confirmed_at === null ? null : Number(row.confirmed_at)
  const sure = lookedAt !== null && now - lookedAt <= LOOK_IS_OLD_MS && !row.suspected
  const shut = row.strength === 'advisory' ? 'advisory' : 'shut'
  return {
    systemId: row.system_id,
    // A store that was never shut has no row of its own.
    state: row.state ?? 'open',
    standing: row.state === 'shut' ? shut : sure ? 'open' : 'unknown',
    watched: true,
    lookedAt,
    strength: row.strength,
    restoreId: row.restore_id,
    reason: row.reason,
    since: row.since === null ? null : Number(row.since),
  }
}

const unwatched = (systemId: string): Gate => ({
  systemId,
  state: 'open',
  standing: 'unknown',
  watched: false,
  lookedAt: null,
  strength: null,
  restoreId: null,
  reason: null,
  since: null,
})

/** Somebody looked at one request; names nobody. Epoch milliseconds. */
export async function auditView(
  db: Queryable,
  view: { at: number; credentialId: string; view: 'request' | 'timeline'; requestId: string; found: boolean },
): Promise<void> {
  await db.query(
    'INSERT INTO audit.views (at, credential_id, view, request_id, found) VALUES ($1, $2, $3, $4, $5)',
    [view.at, view.credentialId, view.view, view.requestId, view.found],
  )
}
