import { randomUUID } from 'node:crypto'
import { inTransaction } from '@lethe/event-store'
import type { Pool, PoolClient } from 'pg'
import { MATCHED, withoutFailures } from '../domain/matched-tally.js'
import type { ReplayedKind } from '../domain/replayed-kinds.js'
import type { Announcer, FoundOpen, GateMode, GateRow, Phase, Replayed, Restore } from '../domain/restore.js'
import type { KnownMarker } from '../domain/verdict.js'
import type { Reason, Tally } from '../domain/waiting.js'
import { addFailed, eachMatched, forgetFailed } from './matched-rows.js'
import { addEach, addPage, everReplayed } from './replay-rows.js'

const number = (value: unknown): number => Number(value ?? 0)
const orNull = (value: unknown): number | null => (value === null ? null : Number(value))

type Row = Readonly<Record<string, unknown>>
const restoreOf = (row: Row): Restore => ({
  restoreId: row.restore_id as string,
  systemId: row.system_id as string,
  backupId: row.backup_id as string | null,
  announcedBy: row.announced_by as Announcer,
  gateMode: row.gate_mode as GateMode,
  phase: row.phase as Phase,
  announcedAt: number(row.announced_at),
  shutAt: orNull(row.shut_at),
  openedAt: orNull(row.opened_at),
  windowMs: orNull(row.window_ms),
  sessionsEnded: number(row.sessions_ended),
  foundOpen: row.found_open as FoundOpen[],
  seenShutAt: orNull(row.seen_shut_at),
  markerAt: orNull(row.marker_at),
  markerForeign: row.marker_foreign as boolean,
  markerMap: row.marker_map as number | null,
  run: number(row.run),
  cursor: row.cursor as string,
  tombstones: number(row.tombstones),
  replayed: number(row.replayed),
  alreadyAbsent: number(row.already_absent),
  held: number(row.held),
  unreadable: number(row.unreadable),
  failed: row.failed as Tally['failed'],
  inconclusive: row.inconclusive as Tally['inconclusive'],
  residual: row.residual as Tally['residual'],
  waiting: row.waiting as Reason[],
})

/** A restore with what the audit has of its gate. */
const RESTORES = `(SELECT *, (SELECT coalesce(jsonb_agg(jsonb_build_object('noticedAt', a.at,
      'shutUntil', a.detail->'shutUntil', 'sessionsEnded', (SELECT b.detail->'sessionsEnded' FROM audit.restores b
        WHERE b.restore_id = a.restore_id AND b.action = 'shut_again' AND b.id > a.id ORDER BY b.id LIMIT 1)) ORDER BY a.id), '[]')
    FROM audit.restores a WHERE a.restore_id = r.restore_id AND a.action = 'found_open') AS found_open
  FROM restore.restores r) AS restores`

/** Counts by key of a column and of a parameter, added up. */
const SUM = (column: string, parameter: string): string =>
  `(SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (SELECT key, sum(value::bigint) AS n FROM (
      SELECT * FROM jsonb_each_text(${column}) UNION ALL SELECT * FROM jsonb_each_text(${parameter}::jsonb)) AS each
    GROUP BY key) AS summed)`

/** Schema `restore` of Lethe's database. Every write is idempotent or a compare-and-set. */
export class RestoreStore {
  constructor(private readonly pool: Pool) {}

  async marker(systemId: string): Promise<(KnownMarker & { confirmedAt: number; adopt: boolean }) | null> {
    const { rows } = await this.pool.query<Row>(
      'SELECT current, pending, receipts, identity, confirmed_at, adopt FROM restore.markers WHERE system_id = $1',
      [systemId],
    )
    const row = rows[0]
    if (row === undefined) return null
    const { current, pending, identity } = row as unknown as KnownMarker
    return {
      current,
      pending,
      identity,
      receipts: number(row.receipts),
      confirmedAt: number(row.confirmed_at),
      adopt: row.adopt as boolean,
    }
  }

  /**
   * Written before the store gets the value, so that a crash in between leaves no unknown one there. What is there
   * now becomes the current one: it may be a pending one of a process that died before it could confirm it.
   */
  async announceMarker(systemId: string, next: string, found: string | null, now: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO restore.markers (system_id, current, pending, confirmed_at) VALUES ($1, $3, $2, $4)
       ON CONFLICT (system_id) DO UPDATE SET pending = excluded.pending, current = excluded.current,
         previous = CASE WHEN restore.markers.current IS DISTINCT FROM excluded.current
           THEN restore.markers.current ELSE restore.markers.previous END`,
      [systemId, next, found, now],
    )
  }

  /** The store shows `next` now. Clears what erasers suspected of it. */
  async confirmMarker(
    systemId: string,
    next: string,
    seen: { readonly receipts: number; readonly identity: string | null },
    now: number,
  ): Promise<void> {
    await this.pool.query(
      `WITH cleared AS (DELETE FROM restore.suspicions WHERE system_id = $1)
       UPDATE restore.markers SET previous = current, current = $2, pending = NULL, receipts = $3, identity = $4,
         confirmed_at = $5, adopt = false WHERE system_id = $1`,
      [systemId, next, seen.receipts, seen.identity, now],
    )
  }

  async erasedBefore(systemId: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ any: boolean }>(
      `SELECT EXISTS (SELECT FROM read_model.tombstones WHERE system_id = $1)
         OR EXISTS (SELECT FROM restore.recovered_tombstones WHERE system_id = $1)
         OR EXISTS (SELECT FROM restore.collected WHERE system_id = $1) AS any`,
      [systemId],
    )
    return rows[0]?.any ?? false
  }

  /** When the latest tombstone took effect that is no longer replayed: expired, or collected and gone. Null when none is. */
  async lastCollected(systemId: string, now: number): Promise<number | null> {
    const { rows } = await this.pool.query<{ at: string | null }>(
      `SELECT greatest((SELECT max(effective_at) FROM read_model.tombstones WHERE system_id = $1 AND expires_at <= $2),
         (SELECT max(effective_at) FROM restore.recovered_tombstones WHERE system_id = $1 AND expires_at <= $2),
         (SELECT last_effective_at FROM restore.collected WHERE system_id = $1)) AS at`,
      [systemId, now],
    )
    return orNull(rows[0]?.at ?? null)
  }

  async liveTombstones(systemId: string, now: number): Promise<number> {
    const { rows } = await this.pool.query<{ n: string }>(
      'SELECT count(*) AS n FROM read_model.tombstones WHERE system_id = $1 AND expires_at > $2',
      [systemId, now],
    )
    return number(rows[0]?.n)
  }

  /**
   * Whether this is the store that is in use, by its marker, one that was replaced just now included. A copy on another
   * server or under another name has another identity, where a store has one.
   */
  async isInUse(systemId: string, marker: string | null, identity: string | null): Promise<boolean> {
    const { rows } = await this.pool.query<{ yes: boolean }>(
      // The store in use may have been started anew since the last look.
      `SELECT coalesce($2 IN (current, pending, previous), false)
         AND coalesce(regexp_replace(identity, '#[^#]*$', '') = regexp_replace($3, '#[^#]*$', ''), true) AS yes
       FROM restore.markers WHERE system_id = $1`,
      [systemId, marker, identity],
    )
    return rows[0]?.yes ?? false
  }

  async gates(): Promise<GateRow[]> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM restore.gates ORDER BY system_id')
    return rows.map((row) => ({
      systemId: row.system_id as string,
      state: row.state as GateRow['state'],
      strength: row.strength as GateRow['strength'],
      restoreId: row.restore_id as string | null,
      admitted: row.admitted as string[],
      since: number(row.since),
    }))
  }

  /**
   * From the answer on no grant is issued for the system: taken alone, the lock waits for the clearances under
   * way, so the tombstones read afterwards are all there are.
   */
  async shutGate(
    systemId: string,
    restoreId: string,
    strength: GateRow['strength'],
    now: number,
  ): Promise<void> {
    await inTransaction(this.pool, async (client) => {
      await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('lethe.gate/' || $1, 0))`, [systemId])
      await client.query(
        `INSERT INTO restore.gates (system_id, state, strength, restore_id, since) VALUES ($1, 'shut', $2, $3, $4)
         ON CONFLICT (system_id) DO UPDATE SET since = CASE WHEN restore.gates.state = 'shut' THEN restore.gates.since
           ELSE excluded.since END, state = 'shut', strength = excluded.strength, restore_id = excluded.restore_id`,
        [systemId, strength, restoreId, now],
      )
    })
  }

  /** Whoever got in joins those who did before: shutting twice must not forget the first. */
  async rememberAdmitted(systemId: string, admitted: readonly string[]): Promise<void> {
    await this.pool.query(
      `UPDATE restore.gates SET admitted = ARRAY(SELECT DISTINCT unnest(admitted || $2::text[]) ORDER BY 1)
       WHERE system_id = $1 AND state = 'shut'`,
      [systemId, admitted],
    )
  }

  async openGate(systemId: string, now: number): Promise<void> {
    await this.pool.query(
      `UPDATE restore.gates SET state = 'open', admitted = '{}', since = $2 WHERE system_id = $1 AND state = 'shut'`,
      [systemId, now],
    )
  }

  /** Idempotent by id. Nothing of it happens before `advance`. */
  async announce(
    restore: Pick<
      Restore,
      'restoreId' | 'systemId' | 'backupId' | 'announcedBy' | 'gateMode' | 'announcedAt'
    >,
  ): Promise<void> {
    const { restoreId, systemId, backupId, announcedBy, gateMode, announcedAt } = restore
    await this.pool.query(
      `INSERT INTO restore.restores (restore_id, system_id, backup_id, announced_by, gate_mode, phase, announced_at)
       VALUES ($1, $2, $3, $4, $5, 'announced', $6) ON CONFLICT (restore_id) DO NOTHING`,
      [restoreId, systemId, backupId, announcedBy, gateMode, announcedAt],
    )
  }

  async restore(restoreId: string): Promise<Restore | null> {
    const { rows } = await this.pool.query<Row>(`SELECT * FROM ${RESTORES} WHERE restore_id = $1`, [
      restoreId,
    ])
    return rows[0] ? restoreOf(rows[0]) : null
  }

  /** Newest first. */
  async history(systemId: string | null, limit: number): Promise<Restore[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM ${RESTORES} WHERE $1::text IS NULL OR system_id = $1
       ORDER BY announced_at DESC, restore_id DESC LIMIT $2`,
      [systemId, limit],
    )
    return rows.map(restoreOf)
  }

  /** The newest that is not done of every system: what a new process goes on with. */
  async underWay(): Promise<Restore[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT DISTINCT ON (system_id) * FROM ${RESTORES} WHERE phase NOT IN ('opened', 'superseded')
       ORDER BY system_id, announced_at DESC, restore_id DESC`,
    )
    return rows.map(restoreOf)
  }

  /** The one that shut the store last by an instant, epoch milliseconds, whatever became of it; null when none had. */
  async lastShut(systemId: string, by: number, but: string | null): Promise<Restore | null> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM ${RESTORES} WHERE system_id = $1 AND shut_at <= $2 AND restore_id IS DISTINCT FROM $3
       ORDER BY shut_at DESC, announced_at DESC LIMIT 1`,
      [systemId, by, but],
    )
    return rows[0] ? restoreOf(rows[0]) : null
  }

  async recordShut(
    restoreId: string,
    shut: Pick<
      Restore,
      'windowMs' | 'sessionsEnded' | 'markerAt' | 'markerForeign' | 'markerMap' | 'gateMode'
    >,
    now: number,
  ): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET phase = 'shut', shut_at = coalesce(shut_at, $2), window_ms = $3,
         sessions_ended = sessions_ended + $4, marker_at = $5, marker_foreign = $6, gate_mode = $7, marker_map = $8 WHERE restore_id = $1`,
      [
        restoreId,
        now,
        shut.windowMs,
        shut.sessionsEnded,
        shut.markerAt,
        shut.markerForeign,
        shut.gateMode,
        shut.markerMap,
      ],
    )
  }

  /**
   * A backup that was restored is there, whatever was told of it: it is entered where nobody reported it, and one that
   * was said to be gone is not.
   */
  async backupSeen(systemId: string, backupId: string, takenAt: number, now: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO restore.backups AS b (system_id, backup_id, taken_at, reported_by, reported_at)
       VALUES ($1, $2, $3, 'restored', $4)
       ON CONFLICT (system_id, backup_id) DO UPDATE SET gone_at = NULL, reported_by = 'restored', reported_at = $4
         WHERE b.gone_at IS NOT NULL`,
      [systemId, backupId, takenAt, now],
    )
  }

  /** How long the copy may have been used so far, while its gate waits for whoever can't be ended. */
  async recordWindow(restoreId: string, windowMs: number): Promise<void> {
    await this.pool.query('UPDATE restore.restores SET window_ms = $2 WHERE restore_id = $1', [
      restoreId,
      windowMs,
    ])
  }

  /** Somebody may have been in since it was shut: then nobody may call it hooked, and the window lasts until now. */
  async recordReachable(restoreId: string, sessionsEnded: number, now: number): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET sessions_ended = sessions_ended + $2,
         window_ms = CASE WHEN gate_mode = 'hooked' THEN $3 - shut_at ELSE window_ms END,
         gate_mode = CASE WHEN gate_mode = 'hooked' THEN 'unhooked' ELSE gate_mode END WHERE restore_id = $1`,
      [restoreId, sessionsEnded, now],
    )
  }

  async recordSeenShut(restoreId: string, now: number): Promise<void> {
    await this.pool.query('UPDATE restore.restores SET seen_shut_at = $2 WHERE restore_id = $1', [
      restoreId,
      now,
    ])
  }

  /** Starts a phase over: its counts from zero, its cursor before the first tombstone. Who failed before is tried again. */
  async startPhase(restoreId: string, phase: 'replaying' | 'probing'): Promise<void> {
    const counts =
      phase === 'replaying'
        ? `run = run + 1, tombstones = 0, replayed = 0, already_absent = 0, held = 0, unreadable = 0, failed = '{}', waiting = '[]'`
        : `residual = '{}', inconclusive = '{}'`
    const forgotten =
      phase === 'replaying'
        ? `WITH forgotten AS (DELETE FROM restore.replays WHERE restore_id = $1 AND outcome = 'failed') `
        : ''
    await this.pool.query(
      `${forgotten}UPDATE restore.restores SET phase = $2, cursor = '', ${counts} WHERE restore_id = $1`,
      [restoreId, phase],
    )
  }

  /** What one page came to, with its last tombstone: counts and cursor move together, so none counts twice. */
  recordPage(
    restoreId: string,
    cursor: string,
    tally: Tally,
    replayed: readonly ReplayedKind[],
  ): Promise<void> {
    return inTransaction(this.pool, async (client) => {
      await moveTo(client, restoreId, cursor, tally)
      await addPage(client, restoreId, cursor, replayed)
    })
  }

  /**
   * Before people are found by their digests. Failures of an attempt of this run that was killed are forgotten, so that the
   * next one decides.
   *
   * @param tally as it is recorded
   * @returns the counts without them
   */
  async startMatching(restoreId: string, cursor: string, tally: Tally): Promise<Tally> {
    if (Object.keys(tally.failed).length === 0) return tally
    return inTransaction(this.pool, async (client) => {
      const before = withoutFailures(tally, await forgetFailed(client, restoreId))
      await moveTo(client, restoreId, cursor, before)
      return before
    })
  }

  /** Tells of everybody whom a run recorded as changed by `recordMatched`. */
  matchedBefore(restoreId: string, run: number, tell: (tombstoneId: string) => void): Promise<void> {
    return eachMatched(this.pool, restoreId, run, tell)
  }

  /** What came of people found by their digests, a batch under a name of its own; nobody is counted there again. */
  recordMatched(
    restoreId: string,
    cursor: string,
    tally: Tally,
    { changed, failed }: { readonly changed: readonly ReplayedKind[]; readonly failed: readonly Replayed[] },
  ): Promise<void> {
    return inTransaction(this.pool, async (client) => {
      await moveTo(client, restoreId, cursor, tally)
      await addPage(client, restoreId, `${MATCHED}${randomUUID()}`, changed)
      await addFailed(client, restoreId, failed)
    })
  }

  /** Another copy came in before these were done: what they know is of a copy that is gone. */
  async supersede(systemId: string, by: string): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET phase = 'superseded'
       WHERE system_id = $1 AND restore_id <> $2 AND phase NOT IN ('opened', 'superseded')`,
      [systemId, by],
    )
  }

  /** It was announced and its copy never came: the one it would have replaced is in force again. */
  async giveWay(restoreId: string): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET phase = 'superseded', waiting = '[]' WHERE restore_id = $1 AND phase = 'announced'`,
      [restoreId],
    )
  }

  /** Why it does not go on at the moment; its phase stays. */
  async note(restoreId: string, reasons: readonly Reason[]): Promise<void> {
    await this.pool.query('UPDATE restore.restores SET waiting = $2 WHERE restore_id = $1', [
      restoreId,
      JSON.stringify(reasons),
    ])
  }

  async wait(restoreId: string, reasons: readonly Reason[]): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET phase = 'waiting', waiting = $2 WHERE restore_id = $1`,
      [restoreId, JSON.stringify(reasons)],
    )
  }

  /** Counts over all runs of a restore: whom an earlier run erased the last one found absent, or it says what else. */
  async overAllRuns(restoreId: string, tally: Tally): Promise<Tally> {
    const { replayed, alreadyAbsent } = tally
    const before = Math.max(0, (await everReplayed(this.pool, restoreId)) - replayed)
    const moved = Math.min(before, alreadyAbsent)
    return { ...tally, replayed: replayed + moved, alreadyAbsent: alreadyAbsent - moved }
  }

  async recordOpened(
    restoreId: string,
    evidence: Pick<Tally, 'replayed' | 'alreadyAbsent'>,
    now: number,
  ): Promise<void> {
    await this.pool.query(
      `UPDATE restore.restores SET phase = 'opened', opened_at = $2, waiting = '[]', evidence = $3, replayed = $4,
         already_absent = $5 WHERE restore_id = $1`,
      [restoreId, now, JSON.stringify(evidence), evidence.replayed, evidence.alreadyAbsent],
    )
  }

  /**
   * Residue that a sweep found in a store in use and erased again, or people it could not look for: a restore of a
   * part that nobody announced. It has no gate and is never under way. Told again, people erased are counted once;
   * what was left or not looked at is added up.
   */
  async recordFound(
    found: Pick<Restore, 'restoreId' | 'systemId' | 'announcedAt'> & Tally,
    replayed: readonly Replayed[],
  ): Promise<void> {
    const { restoreId, systemId, announcedAt, residual, inconclusive } = found
    await inTransaction(this.pool, async (client) => {
      await client.query(
        `INSERT INTO restore.restores (restore_id, system_id, announced_by, gate_mode, phase, announced_at, opened_at)
         VALUES ($1, $2, 'sweep', 'advisory', 'opened', $3, $3) ON CONFLICT (restore_id) DO NOTHING`,
        [restoreId, systemId, announcedAt],
      )
      await addEach(client, restoreId, replayed)
      await client.query(
        `WITH kept AS (SELECT outcome, error_code FROM restore.replays WHERE restore_id = $1),
           failures AS (SELECT coalesce(error_code, 'none') AS code, count(*) AS n FROM kept
                        WHERE outcome = 'failed' GROUP BY 1)
         UPDATE restore.restores SET tombstones = (SELECT count(*) FROM kept),
           replayed = (SELECT count(*) FROM kept WHERE outcome <> 'failed'),
           failed = (SELECT coalesce(jsonb_object_agg(code, n), '{}') FROM failures),
           unreadable = unreadable + $2, residual = ${SUM('residual', '$3')},
           inconclusive = ${SUM('inconclusive', '$4')} WHERE restore_id = $1`,
        [restoreId, found.unreadable, JSON.stringify(residual), JSON.stringify(inconclusive)],
      )
    })
  }

  async audit(row: {
    readonly at: number
    readonly credentialId: string
    readonly systemId: string
    readonly restoreId: string | null
    readonly action: string
    readonly detail?: object
  }): Promise<void> {
    await this.pool.query(
      `INSERT INTO audit.restores (at, credential_id, system_id, restore_id, action, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
      [row.at, row.credentialId, row.systemId, row.restoreId, row.action, JSON.stringify(row.detail ?? {})],
    )
  }
}

async function moveTo(client: PoolClient, restoreId: string, cursor: string, tally: Tally): Promise<void> {
  await client.query(
    `UPDATE restore.restores SET cursor = $2, tombstones = $3, replayed = $4, already_absent = $5, held = $6,
       unreadable = $7, failed = $8, residual = $9, inconclusive = $10 WHERE restore_id = $1`,
    [
      restoreId,
      cursor,
      tally.tombstones,
      tally.replayed,
      tally.alreadyAbsent,
      tally.held,
      tally.unreadable,
      tally.failed,
      tally.residual,
      tally.inconclusive,
    ],
  )
}
