/** A kind of backup the data map names. */
export interface BackupPolicy {
  readonly name: string
  /** Milliseconds. */
  readonly keepMs: number
}

/** What was reported of one backup. Times are epoch milliseconds. */
export interface ReportedBackup {
  readonly systemId: string
  readonly backupId: string
  /** The data map's name of its kind; null where nobody said. */
  readonly policy: string | null
  readonly takenAt: number
  /** Until when whoever made it keeps it; null where nobody said. */
  readonly keptUntil: number | null
  readonly reportedBy: string
  readonly reportedAt: number
  /** When it was told that it is gone; null while it exists as far as anybody knows. */
  readonly goneAt: number | null
}

export interface Backup extends ReportedBackup {
  /** When it should be gone by the data map; null where the map names no kind of backup at all. */
  readonly dueAt: number | null
  /**
   * `kept_longer`: it is, or will be, kept past that: people whose tombstones end with the policy may come back with
   * it. `unknown_policy`: the map has no kind of that name, so the longest of the map counts.
   */
  readonly alerts: readonly ('kept_longer' | 'unknown_policy')[]
}

/** Compares what was reported with the data map. */
export function judged(backup: ReportedBackup, policies: readonly BackupPolicy[], now: number): Backup {
  const { policy, takenAt, keptUntil, goneAt } = backup
  const named = policies.find(({ name }) => name === policy)
  const longest = Math.max(...policies.map(({ keepMs }) => keepMs))
  const dueAt = policies.length === 0 ? null : takenAt + (named?.keepMs ?? longest)
  const ends = goneAt ?? Math.max(keptUntil ?? 0, now)
  const alerts: Backup['alerts'][number][] = []
  // Nobody promised a backup: every one there is is kept longer than the map says.
  if (ends > (dueAt ?? takenAt) && goneAt === null) alerts.push('kept_longer')
  if (policy !== null && named === undefined) alerts.push('unknown_policy')
  return { ...backup, dueAt, alerts }
}

/** Whether a drill is overdue: never passed, or not for that long. Null where none is asked for. */
export const drillOverdue = (
  lastPassed: number | null,
  everyMs: number | null,
  now: number,
): boolean | null => (everyMs === null ? null : lastPassed === null || now - lastPassed > everyMs)

/**
 * Whether one begins by itself: early enough that nobody is told before, and after one that was not passed not at once
 * again.
 */
export const drillDue = (
  {
    lastPassed,
    lastTried,
    everyMs,
  }: { readonly lastPassed: number | null; readonly lastTried: number | null; readonly everyMs: number },
  now: number,
): boolean =>
  (lastPassed === null || now - lastPassed > 0.75 * everyMs) &&
  (lastTried === null || now - lastTried > 0.125 * everyMs)
