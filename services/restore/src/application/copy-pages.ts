import { problem } from '@lethe/service-host'
import { cursorOf, cursorText } from '../domain/copy-cursor.js'
import type { Tally } from '../domain/waiting.js'
import { PageExpired } from './applying.js'
import { isPutOff } from './digest-matching.js'
import type { TombstonePage, TombstoneSource } from './tombstone-source.js'

const PAGE = 1_000

/** Which copy. */
interface Copied {
  readonly applyId: string
  readonly systemId: string
  readonly url: string
  readonly tables?: readonly string[] | undefined
}

export interface CopyPage {
  /** Ask on with it. */
  readonly cursor: string
  readonly done: boolean
  /** Of this page alone. */
  readonly tally: Tally
}

export interface PageWork {
  readonly phase: 'replay' | 'probe'
  readonly ofPage: (page: TombstonePage) => Promise<Tally>
  /** Of those who were put off. */
  readonly ofRest: (later: number) => Promise<Tally>
}

export const nameOf = ({ applyId }: Pick<Copied, 'applyId'>): string => `apply-${applyId}`

/** Pages of live tombstones for a copy; where they have come to, whoever asks for them keeps. */
export class CopyPages {
  /** Of those who were put off; in memory because they hold the address. */
  private readonly underWay = new Map<string, Promise<Tally>>()

  constructor(private readonly source: TombstoneSource) {}

  /**
   * A page that outlives its minute is read again, smaller: a hold may have come. Behind the last one come those who were
   * put off, as a page of their own.
   */
  async page(copy: Copied, text: string, work: PageWork): Promise<CopyPage> {
    const cursor = cursorOf(text)
    if (cursor === null) throw problem('invalid_request', 'This is no cursor of a page of a copy.')
    const { after, later } = cursor
    if (after === null) return { cursor: text, done: true, tally: await this.once(copy, work, later) }
    for (let limit = PAGE; ; limit = Math.max(1, Math.floor(limit / 4))) {
      const page = await this.source.page(copy.systemId, nameOf(copy), after, limit)
      try {
        const tally = await work.ofPage(page)
        const putOff = later + page.tombstones.filter(isPutOff).length
        const more = page.tombstones.length === limit
        const last = page.tombstones.at(-1)?.tombstoneId ?? after
        const next = { after: more || putOff === 0 ? last : null, later: putOff }
        return { cursor: cursorText(next), done: !more && putOff === 0, tally }
      } catch (error) {
        if (!(error instanceof PageExpired)) throw error
        if (limit === 1) throw problem('unavailable', 'One person takes longer than a page lives; ask again.')
      }
    }
  }

  /** Whoever waited too long for it and asks again waits for the same one. */
  private once(copy: Copied, { phase, ofRest }: PageWork, later: number): Promise<Tally> {
    const key = JSON.stringify([copy.applyId, copy.systemId, copy.url, copy.tables, phase])
    const running = this.underWay.get(key) ?? ofRest(later).finally(() => this.underWay.delete(key))
    this.underWay.set(key, running)
    return running
  }
}
