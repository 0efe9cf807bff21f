import { RetryableError } from '@lethe/service-host'
import type { ReplayedKind } from '../domain/replayed-kinds.js'
import type { Tally } from '../domain/waiting.js'
import { PageExpired } from './applying.js'
import { heldBack } from './held-back.js'
import { Slots } from './slots.js'
import { lastIdOf, sizeOf, type TombstonePage } from './tombstone-source.js'

export interface Paging {
  readonly begun: Tally & { readonly cursor: string }
  /** Tombstones of a page. */
  readonly limit: number
  /** Pages that are worked on at once. */
  readonly lanes: number
  readonly signal: AbortSignal
  read(after: string, limit: number): Promise<TombstonePage>
  /** Counts and cursor move together, in the order of the pages. */
  record(cursor: string, tally: Tally, replayed: readonly ReplayedKind[]): Promise<void>
}

/** What came of one page. */
export interface Done {
  added(tally: Tally): Tally
  readonly replayed: readonly ReplayedKind[]
}

/** @throws PageExpired when somebody of the page could not be reached before its minute was over */
type Work = (page: TombstonePage, slot: number) => Promise<Done>

interface UnderWay {
  readonly slot: number
  readonly last: string
  /** Null: its minute was over. */
  readonly done: Promise<Done | null>
}

/**
 * All pages behind the cursor, each worked on while those before it still are and the next is read: request, this
 * process, the store and Lethe's database have work at the same time. Ends when all of them are recorded.
 */
export const inPages = (paging: Paging, work: Work): Promise<Tally> => new Course(paging, work).run()

class Course {
  private readonly slots = new Slots()
  private readonly underWay: UnderWay[] = []
  private tally: Tally
  private cursor: string
  private limit: number
  private reading: Promise<TombstonePage> | null
  private recorded: Promise<void> = Promise.resolve()

  constructor(
    private readonly paging: Paging,
    private readonly work: Work,
  ) {
    this.tally = paging.begun
    this.cursor = paging.begun.cursor
    this.limit = paging.limit
    this.reading = this.read(this.cursor)
  }

  async run(): Promise<Tally> {
    try {
      for (;;) {
        this.paging.signal.throwIfAborted()
        if (this.reading !== null && this.underWay.length < this.paging.lanes) await this.begin()
        else if (this.underWay.length > 0) await this.end()
        else break
      }
    } finally {
      // Nothing goes on behind a failure's back.
      await Promise.allSettled([...this.underWay.map(({ done }) => done), this.recorded])
    }
    await this.recorded
    return this.tally
  }

  private async begin(): Promise<void> {
    const page = (await this.reading) as TombstonePage
    const last = lastIdOf(page)
    const more = sizeOf(page) === this.limit
    this.reading = more && last !== undefined ? this.read(last) : null
    if (last === undefined) return
    const slot = this.slots.take(this.cursor)
    const done = this.work(page, slot).catch((error: unknown) => {
      if (error instanceof PageExpired) return null
      throw error
    })
    this.underWay.push({ slot, last, done: heldBack(done) })
  }

  /** Records the oldest page, behind the one before it. */
  private async end(): Promise<void> {
    const [{ slot, last, done }] = this.underWay as [UnderWay]
    const came = await done
    if (came === null) return this.again()
    this.underWay.shift()
    this.tally = came.added(this.tally)
    this.cursor = last
    await this.recorded
    const recording = this.paging.record(last, this.tally, came.replayed).then(() => this.slots.free(slot))
    this.recorded = heldBack(recording)
  }

  /** What of the pages was erased is told again by its receipts; a smaller page ends in time. */
  private async again(): Promise<void> {
    if (this.limit === 1)
      throw new RetryableError('replay_too_slow', 'One person takes longer than a page lives.')
    const begun = this.underWay.splice(0)
    await Promise.allSettled(begun.map(({ done }) => done))
    for (const { slot, last } of begun) this.slots.keep(slot, last)
    this.limit = Math.max(1, Math.floor(this.limit / 4))
    this.reading = this.read(this.cursor)
  }

  private read(after: string): Promise<TombstonePage> {
    return heldBack(this.paging.read(after, this.limit))
  }
}
