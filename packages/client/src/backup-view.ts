/** One backup, as somebody reported it, and what the data map says of it. Times are epoch milliseconds. */
export interface BackupView {
  readonly systemId: string
  readonly backupId: string
  readonly policy: string | null
  readonly takenAt: number
  readonly keptUntil: number | null
  readonly goneAt: number | null
  /** When it should be gone by the data map; null where the map names no backups. */
  readonly dueAt: number | null
  readonly alerts: readonly ('kept_longer' | 'unknown_policy')[]
}
