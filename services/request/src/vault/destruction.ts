import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
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
    return outlookOf(epoch, await countEpoch(this.pool, epoch, this.now()))
  }

  /**
   * Destroys the key when nothing needed is sealed under it. Does not seal anew: `reseal` first.
   * @throws ProblemError `not_found`; `illegal_transition` for the current epoch, or while something is needed
   */
  async destroy(epoch: string, options: DestroyOptions): Promise<Outlook> {
    const row = await this.known(epoch)
    if (row.destroyedAt !== null) return outlookOf(epoch, await countEpoch(this.pool, epoch, this.now()))
    if (row.destroyingAt === null) await this.decide(epoch, options)
    await this.shredKey(epoch, options.actor)
    return outlookOf(epoch, await countEpoch(this.pool, epoch, this.now()))
  }

  /** On the fixed date: seals anew what is needed, then destroys. @returns whether the key is gone */
  async retire(epoch: string, actor: string): Promise<boolean> {
    await closeEpoch(this.pool, epoch, this.now())
    await this.epochs.refresh()
    const { unreadable } = await this.resealing.reseal(epoch, actor)
    if (unreadable.length > 0) return false
    await this.destroy(epoch, { actor })
    return true
  }

  private async known(epoch: string): Promise<Epoch> {
    await this.epochs.refresh()
    const row = this.epochs.all().find((known) => known.epoch === epoch)
    if (row === undefined) throw problem('not_found', `The vault has no epoch ${epoch}.`)
    return row
  }

  private async decide(epoch: string, { giveUpUnreadable = false }: DestroyOptions): Promise<void> {
    if (this.epochs.current().epoch === epoch)
      throw problem('illegal_transition', `Epoch ${epoch} is the current one. Rotate first.`)
    await closeEpoch(this.pool, epoch, this.now())
    await this.epochs.refresh()
    await alone(this.pool, async (client) => {
      const counts = await countEpoch(client, epoch, this.now())
      const left = counts.neededEntries + counts.neededNotes
      if (left > 0 && !(giveUpUnreadable && (await this.nothingOpens(epoch)))) {
        throw problem(
          'illegal_transition',
          `${left} entries of ${counts.neededRequests} requests under ${epoch} are still needed. Reseal first.`,
          { ...counts },
        )
      }
      await client.query(
        `UPDATE vault.epochs SET destroying_at = $2, shredded = $3
         WHERE epoch = $1 AND closed_at IS NOT NULL AND destroying_at IS NULL`,
        [epoch, this.now(), counts.entries + counts.notes],
      )
    })
  }

  /** What is needed but was not moved does not open: that is how the resealing leaves it. */
  private async nothingOpens(epoch: string): Promise<boolean> {
    const { unreadable } = await this.resealing.reseal(epoch, 'request')
    const { neededRequests } = await countEpoch(this.pool, epoch, this.now())
    return neededRequests === unreadable.length
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

const outlookOf = (epoch: string, counts: EpochCounts): Outlook => ({
  epoch,
  ...counts,
  becomeUnreadable: counts.entries + counts.notes - counts.neededEntries - counts.neededNotes,
})
