import { RetryableError } from '@lethe/service-host'

/** As many as a connector keeps of one pass id. */
const SLOTS = 16

/**
 * Which receipt of a batch a page's replaces: none whose page is under way or not recorded yet, nor that of one which
 * ended too late, while people of it are still to come.
 */
export class Slots {
  private readonly taken = new Set<number>()
  private readonly kept = new Map<number, string>()

  /** @param cursor the last tombstone that is done */
  take(cursor: string): number {
    for (const [slot, until] of this.kept) if (until <= cursor) this.kept.delete(slot)
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.taken.has(slot) || this.kept.has(slot)) continue
      this.taken.add(slot)
      return slot
    }
    // A page is quartered six times at most before it is one person, and two are under way.
    throw new RetryableError('replay_too_slow', 'The store takes longer than a page lives.')
  }

  /** Its page is recorded. */
  free(slot: number): void {
    this.taken.delete(slot)
  }

  keep(slot: number, until: string): void {
    this.taken.delete(slot)
    this.kept.set(slot, until)
  }
}
