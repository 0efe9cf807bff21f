import type { Queryable } from '@lethe/request-log'

/** Why a gate stays shut. */
export interface Reason {
  readonly code: string
  readonly detail: string
  readonly counts?: Readonly<Record<string, number>>
}

type Counts = Readonly<Record<string, number>>

/** A gate that was found open past Lethe, as the audit has it. Times are epoch milliseconds. */
export interface FoundOpen {
  readonly noticedAt: number
  /** When it was last seen shut. */
  readonly shutUntil: number | null
  /** Null while it is not shut again. */
  readonly sessionsEnded: number | null
}

/** A restore as `restore` has recorded it. Times are epoch milliseconds. */
export interface RestoreRow {
  readonly restoreId: string
  readonly systemId: string
  readonly backupId: string | null
  readonly announcedBy: string
  readonly gateMode: string
  readonly phase: string
  readonly announcedAt: number
  readonly shutAt: number | null
  readonly openedAt: number | null
  readonly markerAt: number | null
  readonly markerForeign: boolean
  /** How long the copy may have been used before its gate shut; null where nobody could. */
  readonly windowMs: number | null
  readonly sessionsEnded: number
  readonly foundOpen: readonly FoundOpen[]
  readonly run: number
  readonly tombstones: number
  readonly replayed: number
  readonly alreadyAbsent: number
  readonly held: number
  readonly unreadable: number
  readonly failed: Counts
  readonly residual: Counts
  readonly inconclusive: Counts
  readonly waiting: readonly Reason[]
  /** `replay`, or the credential of who opened it by hand; null while it is shut. */
  readonly openedBy: string | null
}

export interface RestoreKey {
  readonly at: number
  readonly restoreId: string
}

const UNDER_WAY = "phase NOT IN ('opened', 'superseded')"

/** Newest first, from behind `after` on. */
export async function restores(
  db: Queryable,
  filter: { readonly systemId: string | null; readonly underWay: boolean | null },
  page: { readonly limit: number; readonly after: RestoreKey | null },
): Promise<{ readonly rows: readonly RestoreRow[]; readonly next: RestoreKey | null }> {
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT *, (SELECT coalesce(jsonb_agg(jsonb_build_object('noticedAt', a.at, 'shutUntil', a.detail->'shutUntil',
         'sessionsEnded', (SELECT b.detail->'sessionsEnded' FROM audit.restores b
           WHERE b.restore_id = a.restore_id AND b.action = 'shut_again' AND b.id > a.id ORDER BY b.id LIMIT 1))
         ORDER BY a.id), '[]')
       FROM audit.restores a WHERE a.restore_id = r.restore_id AND a.action = 'found_open') AS found_open
     FROM restore.restores r WHERE ($1::text IS NULL OR system_id = $1)
       AND ($2::boolean IS NULL OR (${UNDER_WAY}) = $2)
       AND ($3::bigint IS NULL OR (announced_at, restore_id) < ($3, $4))
     ORDER BY announced_at DESC, restore_id DESC LIMIT $5`,
    [filter.systemId, filter.underWay, page.after?.at ?? null, page.after?.restoreId ?? null, page.limit + 1],
  )
  const shown = rows.slice(0, page.limit).map(restoreOf)
  const last = shown.at(-1)
  const next = rows.length > page.limit && last ? { at: last.announcedAt, restoreId: last.restoreId } : null
  return { rows: shown, next }
}

/** Live tombstones of the system, and how many of them the phase under way has behind it. */
export async function behindCursor(
  db: Queryable,
  restoreId: string,
  now: number,
): Promise<{ readonly done: number; readonly total: number }> {
  const { rows } = await db.query<{ done: string; total: string }>(
    `SELECT count(*) AS total, count(*) FILTER (WHERE one.tombstone_id <= restore.cursor) AS done
     FROM restore.restores AS restore JOIN read_model.tombstones AS one USING (system_id)
     WHERE restore.restore_id = $1 AND one.expires_at > $2`,
    [restoreId, now],
  )
  return { done: Number(rows[0]?.done ?? 0), total: Number(rows[0]?.total ?? 0) }
}

const orNull = (value: unknown): number | null => (value === null ? null : Number(value))

function restoreOf(row: Record<string, unknown>): RestoreRow {
  const evidence = row['evidence'] as { by?: unknown } | null
  return {
    restoreId: String(row['restore_id']),
    systemId: String(row['system_id']),
    backupId: row['backup_id'] === null ? null : String(row['backup_id']),
    announcedBy: String(row['announced_by']),
    gateMode: String(row['gate_mode']),
    phase: String(row['phase']),
    announcedAt: Number(row['announced_at']),
    shutAt: orNull(row['shut_at']),
    openedAt: orNull(row['opened_at']),
    markerAt: orNull(row['marker_at']),
    markerForeign: row['marker_foreign'] === true,
    windowMs: orNull(row['window_ms']),
    sessionsEnded: Number(row['sessions_ended']),
    foundOpen: row['found_open'] as FoundOpen[],
    run: Number(row['run']),
    tombstones: Number(row['tombstones']),
    replayed: Number(row['replayed']),
    alreadyAbsent: Number(row['already_absent']),
    held: Number(row['held']),
    unreadable: Number(row['unreadable']),
    failed: row['failed'] as Counts,
    residual: row['residual'] as Counts,
    inconclusive: row['inconclusive'] as Counts,
    waiting: row['waiting'] as Reason[],
    openedBy: typeof evidence?.by === 'string' ? evidence.by : null,
  }
}
