import { problem } from '@lethe/service-host'
import type { Pool, PoolClient } from 'pg'
import { alone, closeEpoch, type Epoch, type Epochs } from './epochs.js'
import { countEpoch, type EpochCounts } from './needed.js'
import type { Resealing } from './resealing.js'

/** What destroying an epoch's key means. */
export interface Outlook extends EpochCounts {
  readonly epoch: string
  /** Entries and notes nobody can read afterwards. */
  readonly becomeUnreadable: number
}

export interface DestroyOptions {
  /** Credential, or `request` for the service itself. */
  readonly actor: string
  /** Also when something needed does not open under its key any more: nothing more is lost by it. */
  readonly giveUpUnreadable?: boolean
}

/**
 * Ends an epoch: nothing more is sealed under it, what is needed moves on, the intent is recorded, the key
 * is destroyed, that is recorded. Each part may be repeated, so a crash anywhere is made good by the next run.
 */
export class Destruction {
  constructor(
    private readonly pool: Pool,
    private readonly epochs: Epochs,
    private readonly resealing: Resealing,
    private readonly now: () => number = Date.now,
  ) {}

  /** Changes nothing. @throws ProblemError `not_found` */
  async outlook(epoch: string): Promise<Outlook> {
    await this.known(epoch)
    return this.counted(epoch)
  }

  /**
   * Destroys the key when nothing needed is sealed under it. Does not seal anew: `reseal` first.
   * @throws ProblemError `not_found`; `illegal_transition` for the current epoch, or while something is needed
   */
  async destroy(epoch: string, options: DestroyOptions): Promise<Outlook> {
    const row = await this.known(epoch)
    const { actor, giveUpUnreadable = false } = options
    if (row.destroyedAt === null) {
      if (row.destroyingAt === null) await this.decide(epoch, actor, giveUpUnreadable)
      await this.shredKey(epoch, actor)
    }
    return this.counted(epoch)
  }

  /** On the fixed date: seals anew what is needed, then destroys. @returns whether the key is gone */
  async retire(epoch: string, actor: string): Promise<boolean> {
    const { destroyingAt } = await this.known(epoch)
    if (destroyingAt === null && !(await this.vacated(epoch, actor))) return false
    await this.destroy(epoch, { actor })
    return true
  }

  private async vacated(epoch: string, actor: string): Promise<boolean> {
    await closeEpoch(this.pool, epoch, this.now())
    await this.epochs.refresh()
    const { unreadable } = await this.resealing.reseal(epoch, actor)
    return unreadable.length === 0
  }

  private async known(epoch: string): Promise<Epoch> {
    await this.epochs.refresh()
    const row = this.epochs.known(epoch)
    if (row === null) throw problem('not_found', `The vault has no epoch ${epoch}. See: lethe vault status`)
    return row
  }

  private async counted(epoch: string): Promise<Outlook> {
    const counts = await countEpoch(this.pool, epoch, this.now())
    const held = counts.entries + counts.notes
    return { epoch, ...counts, becomeUnreadable: held - counts.neededEntries - counts.neededNotes }
  }

  private async decide(epoch: string, actor: string, giveUpUnreadable: boolean): Promise<void> {
    if (this.epochs.current().epoch === epoch)
      throw problem('illegal_transition', `Epoch ${epoch} is the current one. Rotate first.`)
    await closeEpoch(this.pool, epoch, this.now())
    await this.epochs.refresh()
    const lost = giveUpUnreadable ? (await this.resealing.reseal(epoch, actor)).unreadable.length : 0
    await alone(this.pool, (client) => this.record(client, epoch, lost))
    await this.epochs.refresh()
  }

  /** The check and the record are one transaction; nothing was sealed under a closed epoch since. */
  private async record(client: PoolClient, epoch: string, givenUp: number): Promise<void> {
    const counts = await countEpoch(client, epoch, this.now())
    if (counts.neededRequests > givenUp) {
      throw problem(
        'illegal_transition',
        `${counts.neededRequests} requests still need what is sealed under ${epoch}. Reseal first.`,
        { ...counts },
      )
    }
    await client.query(
      `UPDATE vault.epochs SET destroying_at = $2, shredded = $3
       WHERE epoch = $1 AND closed_at IS NOT NULL AND destroying_at IS NULL`,
      [epoch, this.now(), counts.entries + counts.notes],
    )
  }

  private async shredKey(epoch: string, actor: string): Promise<void> {
    await alone(this.pool, async (client) => {
      this.epochs.keys.recover()
      this.epochs.keys.destroy(epoch)
      await client.query(
        `UPDATE vault.epochs SET destroyed_at = $2, destroyed_by = $3
         WHERE epoch = $1 AND destroying_at IS NOT NULL AND destroyed_at IS NULL`,
        [epoch, this.now(), actor],
      )
    })
    await this.epochs.refresh()
  }
}
