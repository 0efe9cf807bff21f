import type { HeldIdentifiers } from '@lethe/eraser-kit'
import { HeldMatch, type Match, type Sought } from './held-match.js'
import { MatchThread } from './match-thread.js'

/** Bytes of identifiers that are digested in this thread: starting another takes as long. */
const ALONE = 8 * 2 ** 20

/** Digests what a store holds: a small one here, a large one in a thread of its own from some place on. */
export class Matching {
  private readonly here: HeldMatch
  private there: MatchThread | null = null
  private read = 0

  constructor(
    sought: Sought,
    private readonly start = () => new MatchThread(sought),
    private readonly alone = ALONE,
  ) {
    this.here = new HeldMatch(sought)
  }

  /** Page by page; records of one that was told of must not be used any more. @throws as `MatchThread` */
  async matchesIn(page: HeldIdentifiers): Promise<Match[]> {
    this.read += page.records.length
    if (this.there === null && this.read > this.alone) this.there = this.start()
    return this.there === null ? this.here.matchesIn(page) : this.there.matchesIn(page)
  }

  async close(): Promise<void> {
    await this.there?.close()
  }
}
