import type { RestoreStore } from '../adapters/restore-store.js'
import type { Restore } from '../domain/restore.js'

/** Whoever breaks the glass does it past Lethe. */
const UNKNOWN = 'unknown'
const LETHE = 'lethe-restore'

/** What is kept for ever of a gate that stood open although Lethe had not opened it. */
export class GateAudit {
  constructor(
    private readonly store: Pick<RestoreStore, 'audit'>,
    private readonly now: () => number,
  ) {}

  /** Before it is shut again, when it shows no more. `shutUntil`: the last look that saw it shut, or knew the copy. */
  async foundOpen({ systemId, restoreId, ...seen }: Restore, shutUntil?: number): Promise<void> {
    const detail = { shutUntil: shutUntil ?? seen.seenShutAt ?? seen.shutAt }
    const row = { at: this.now(), systemId, restoreId, detail }
    await this.store.audit({ ...row, credentialId: UNKNOWN, action: 'found_open' })
  }

  async shutAgain({ systemId, restoreId }: Restore, sessionsEnded: number): Promise<void> {
    const row = { at: this.now(), systemId, restoreId, detail: { sessionsEnded } }
    await this.store.audit({ ...row, credentialId: LETHE, action: 'shut_again' })
  }
}
