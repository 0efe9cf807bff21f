import type { Logger } from '@lethe/service-host'
import type { Destruction } from './destruction.js'
import type { Epochs } from './epochs.js'
import type { Peppers } from './peppers.js'
import type { Redigesting } from './redigesting.js'
import type { Shredded } from './shredded.js'

/** Who acts when nobody told it to. */
export const byItself = 'request'

/** How long an epoch that could not be retired, and the looking for what is shredded, rest. */
const restMs = 600_000

/**
 * What the vault does by itself, again and again: hears of other processes' changes, makes the next epoch,
 * retires those whose date has come, takes digests off old peppers, and confirms what is shredded.
 */
export class VaultKeeper {
  private readonly resting = new Map<string, number>()

  constructor(
    private readonly epochs: Epochs,
    private readonly peppers: Peppers,
    private readonly destruction: Destruction,
    private readonly redigesting: Redigesting,
    private readonly shredded: Shredded,
    private readonly logger: Pick<Logger, 'info' | 'error'>,
    private readonly now: () => number = Date.now,
  ) {}

  async tick(): Promise<void> {
    await this.epochs.refresh()
    await this.peppers.refresh()
    const made = await this.epochs.rotateWhenDue()
    if (made !== null) this.logger.info({ epoch: made }, 'a new vault epoch has begun')
    const destroyed = await this.retireDue()
    const retired = await this.redigesting.run(byItself)
    if (retired.length > 0) this.logger.info({ peppers: retired }, 'peppers are retired')
    if (destroyed || this.mayTry('shredded')) {
      this.resting.set('shredded', this.now() + restMs)
      await this.shredded.confirm()
    }
  }

  private async retireDue(): Promise<boolean> {
    let any = false
    for (const { epoch, destroyAt, destroyingAt, destroyedAt } of this.epochs.all()) {
      const due = destroyAt <= this.now() || destroyingAt !== null
      if (!due || destroyedAt !== null || !this.mayTry(epoch)) continue
      if (this.epochs.current().epoch === epoch) continue
      this.resting.set(epoch, this.now() + restMs)
      if (await this.destruction.retire(epoch, byItself)) {
        any = true
        this.logger.info({ epoch }, 'a vault epoch is destroyed')
      } else {
        this.logger.error({ epoch }, 'a vault epoch is due, but what is needed of it does not open')
      }
    }
    return any
  }

  private mayTry(what: string): boolean {
    return (this.resting.get(what) ?? 0) <= this.now()
  }
}
