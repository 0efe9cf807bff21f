import { type Caller, type Logger, problem } from '@lethe/service-host'
import type { BackupStore } from '../adapters/backup-store.js'
import type { RestoreStore } from '../adapters/restore-store.js'
import { type Backup, type BackupPolicy, judged } from '../domain/backup.js'
import { may } from '../domain/permissions.js'
import { backupsKeptLonger, service } from './metrics.js'

export interface BackupsParts {
  readonly systems: ReadonlySet<string>
  readonly store: BackupStore
  readonly audit: Pick<RestoreStore, 'audit'>
  /** The kinds of backup the map in force names for a system. Throws while `request` is away. */
  readonly policies: (systemId: string) => Promise<readonly BackupPolicy[]>
  readonly logger: Logger
  readonly now?: () => number
}

export interface Report {
  readonly systemId: string
  readonly backupId: string
  readonly takenAt: number
  readonly keptUntil?: number | undefined
  readonly policy?: string | undefined
  readonly gone?: boolean | undefined
}

const LISTED = 1_000

/** Which backups there are, until when they are kept, and which of them the data map does not allow for. */
export class Backups {
  private readonly now: () => number

  constructor(private readonly parts: BackupsParts) {
    this.now = parts.now ?? Date.now
  }

  /** Idempotent by system and backup: told again, the newer word counts. */
  async report(
    caller: Caller,
    { systemId, backupId, takenAt, keptUntil, policy, gone }: Report,
  ): Promise<Backup> {
    if (!may(caller, 'announce')) throw problem('forbidden', 'Your roles do not allow "announce".')
    const { systems, store, audit } = this.parts
    if (!systems.has(systemId))
      throw problem(
        'not_found',
        'No such system is watched here; LETHE_SYSTEMS of the restore service names those that are.',
      )
    const now = this.now()
    const told = {
      systemId,
      backupId,
      takenAt,
      keptUntil: keptUntil ?? null,
      policy: policy ?? null,
      reportedBy: caller.id,
      reportedAt: now,
      goneAt: gone === true ? now : null,
    }
    await store.report(told)
    await audit.audit({
      at: now,
      credentialId: caller.id,
      systemId,
      restoreId: null,
      action: 'backup',
      detail: { backupId, takenAt, keptUntil: told.keptUntil, gone: gone === true },
    })
    return judged(told, await this.parts.policies(systemId), now)
  }

  async list(caller: Caller, systemId: string | null, all: boolean): Promise<Backup[]> {
    if (!may(caller, 'read')) throw problem('forbidden', 'Your roles do not allow "read".')
    return this.judge(await this.parts.store.list(systemId, all, LISTED))
  }

  /** Shows in metrics what needs somebody's look. */
  async round(): Promise<void> {
    const { systems, store, logger } = this.parts
    const kept = (await this.judge(await store.list(null, false, LISTED))).filter(({ alerts }) =>
      alerts.includes('kept_longer'),
    )
    for (const systemId of systems) {
      const mine = kept.filter((one) => one.systemId === systemId)
      backupsKeptLonger.set({ system: systemId, service }, mine.length)
      if (mine.length > 0)
        logger.error(
          {
            system: systemId,
            backups: mine.slice(0, 10).map(({ backupId }) => backupId),
            count: mine.length,
          },
          'backups are kept longer than the data map says: the tombstones of whoever may be in them live on',
        )
    }
  }

  private async judge(found: Awaited<ReturnType<BackupStore['list']>>): Promise<Backup[]> {
    const now = this.now()
    const policies = new Map<string, readonly BackupPolicy[]>()
    for (const systemId of new Set(found.map((one) => one.systemId)))
      policies.set(systemId, await this.parts.policies(systemId))
    return found.map((one) => judged(one, policies.get(one.systemId) ?? [], now))
  }
}
