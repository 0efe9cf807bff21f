import type { Overview } from '../../../src/adapters/http/answer-types.js'
import type { Heard, Transport } from '../view/freshness.js'
import type { ServerEvent } from './sse.js'

/** What the pages know of what changes. Every change makes a new one. */
export interface FeedState extends Heard {
  /** Grows with every new look at lag and overview. */
  readonly figures: number
  /** Grows when a request has changed. */
  readonly requests: number
  /** Grows while an action on many requests goes on. */
  readonly bulks: number
  /** Grows when something may have been missed: everything must be read again. */
  readonly resets: number
  readonly overview: Overview | null
}

/** What came from the service at one time. Can be copied into another tab. */
export interface Told {
  readonly transport: Transport
  /** When, epoch milliseconds of this browser; null: it was not heard, and what was told before still stands. */
  readonly at: number | null
  readonly events: readonly ServerEvent[]
}

interface Change {
  readonly requestId: string
  readonly version: number
}

const MOST_REMEMBERED = 2_000

/** What this tab was told, by the service or by the tab that listens to it for all of them. */
export class Feed {
  private state: FeedState = {
    transport: 'connecting',
    at: null,
    figures: 0,
    requests: 0,
    bulks: 0,
    resets: 0,
    overview: null,
  }
  private readonly listeners = new Set<() => void>()
  /** The last version of a request that was told. */
  private readonly versions = new Map<string, number>()
  private last: string | undefined

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  readonly snapshot = (): FeedState => this.state

  versionOf(requestId: string): number {
    return this.versions.get(requestId) ?? 0
  }

  /** Behind which of the service's changes this tab is; undefined before the first. */
  get position(): string | undefined {
    return this.last
  }

  take({ transport, at, events }: Told): void {
    let next = this.state
    for (const event of events) next = this.after(next, event)
    this.state = { ...next, transport, at: at ?? next.at }
    for (const listener of this.listeners) listener()
  }

  /** As far as the tab that listens is; what happened before this one was told anything is read again. */
  join(position: string | undefined, told: Told): void {
    const first = this.last === undefined
    this.last ??= position
    if (first) this.state = { ...this.state, resets: this.state.resets + 1 }
    this.take(told)
  }

  /** What a tab that joins now has to know. */
  welcome(): Told {
    const { transport, at, overview } = this.state
    const events =
      overview === null ? [] : [{ event: 'overview', data: JSON.stringify(overview), id: undefined }]
    return { transport, at, events }
  }

  private after(state: FeedState, { event, data, id }: ServerEvent): FeedState {
    if (id !== undefined) this.last = id
    switch (event) {
      case 'request':
        this.changed(JSON.parse(data) as Change)
        return { ...state, requests: state.requests + 1 }
      case 'lag':
        return { ...state, figures: state.figures + 1 }
      case 'overview':
        return { ...state, overview: JSON.parse(data) as Overview }
      case 'bulk':
        return { ...state, bulks: state.bulks + 1 }
      // What was asked for before the stream began may have changed in between, and nothing tells of that.
      case 'reset':
      case 'hello':
        return { ...state, resets: state.resets + 1 }
      default:
        return state
    }
  }

  private changed({ requestId, version }: Change): void {
    this.versions.delete(requestId)
    this.versions.set(requestId, version)
    const [oldest] = this.versions.keys()
    if (this.versions.size > MOST_REMEMBERED && oldest !== undefined) this.versions.delete(oldest)
  }
}
