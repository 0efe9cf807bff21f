import { Wanted } from '../domain/wanted.js'
import { MOST } from './digest-matching.js'
import type { LiveTombstone, PageLeft } from './tombstone-source.js'

/** What pages that are gone through anyway say of people of whom only digests are left, so that they are not read again. */
export class Gathering {
  private wanted: Wanted | null
  private last = ''

  /** @param isWhole the pages begin with the first tombstone */
  constructor(isWhole: boolean) {
    this.wanted = isWhole ? new Wanted() : null
  }

  /** Pages in their order; one that is read again is known. */
  add(tombstones: readonly LiveTombstone[]): void {
    for (const one of tombstones)
      if (!one.held && one.subject === null && one.tombstoneId > this.last) this.wanted?.add(one)
    const last = tombstones.at(-1)?.tombstoneId ?? ''
    if (last > this.last) this.last = last
    this.bound()
  }

  /** A page of whom everybody can be read. */
  pass(lastId: string): void {
    if (lastId > this.last) this.last = lastId
  }

  /** As `add`, of a page of whom nobody can be read. @param tombstones the same people, where some of them may be known */
  addLeft(left: Omit<PageLeft, 'known'>, tombstones: () => readonly LiveTombstone[]): void {
    if (left.firstId <= this.last) {
      this.add(tombstones())
      return
    }
    this.wanted?.addAll(left)
    this.last = left.lastId
    this.bound()
  }

  private bound(): void {
    if ((this.wanted?.set.size ?? 0) > MOST) this.wanted = null
  }

  /** Null where that is not everybody, or more than one reading of the store can look for. */
  get all(): Wanted | null {
    return this.wanted
  }
}
