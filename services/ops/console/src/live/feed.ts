import type { ChangePage, Overview } from '../../../src/adapters/http/answer-types.js'
import { type Heard, STALE_AFTER_MS, type Transport } from '../view/freshness.js'
import { AskError, ask, reach } from './ask.js'
import { EventParser, type ServerEvent } from './sse.js'

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

interface Change {
  readonly requestId: string
  readonly version: number
}

const POLL_MS = 5_000
const RETRY_MS = 1_000
/** While polling, a stream is tried again every so many polls. */
const POLLS_PER_TRY = 3
const MOST_REMEMBERED = 2_000

/**
 * The one connection of this tab: a stream read with fetch, which tells silence from quiet and why it was refused. It
 * comes back with Last-Event-ID; where a stream can't be had it asks `/v1/changes` again and again.
 */
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
  private readonly stopped = new AbortController()
  private position: string | undefined

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  readonly snapshot = (): FeedState => this.state

  versionOf(requestId: string): number {
    return this.versions.get(requestId) ?? 0
  }

  start(): void {
    void this.run()
  }

  stop(): void {
    this.stopped.abort()
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.stream()
        failures = 0
      } catch (error) {
        if (signal.aborted || isRefusal(error)) return
        failures++
      }
      // The first loss is mended at once; who is refused again and again asks by polling.
      if (failures > 1) await this.poll()
      await pause(RETRY_MS, signal)
    }
  }

  private async stream(): Promise<void> {
    const silence = new AbortController()
    const signal = AbortSignal.any([this.stopped.signal, silence.signal])
    let timer = setTimeout(() => silence.abort(), STALE_AFTER_MS)
    try {
      const headers: Record<string, string> =
        this.position === undefined ? {} : { 'last-event-id': this.position }
      const { body } = await reach('/v1/stream', {
        signal,
        headers: { ...headers, accept: 'text/event-stream' },
      })
      if (body === null) throw new AskError(0, 'The stream has no body.')
      const parser = new EventParser()
      const reader = body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), STALE_AFTER_MS)
        this.heard('stream')
        for (const event of parser.push(value)) this.take(event)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  private async poll(): Promise<void> {
    const { signal } = this.stopped
    for (let n = 0; n < POLLS_PER_TRY && !signal.aborted; n++) {
      try {
        await this.pollOnce(signal)
      } catch (error) {
        if (signal.aborted || isRefusal(error)) return
        this.set({ transport: 'broken' })
      }
      await pause(POLL_MS, signal)
    }
  }

  private async pollOnce(signal: AbortSignal): Promise<void> {
    const after = this.position === undefined ? '' : `?after=${this.position}&limit=1000`
    const page = await ask<ChangePage>(`/v1/changes${after}`, signal)
    if (this.position === undefined) this.set({ resets: this.state.resets + 1 })
    this.position = page.next
    for (const change of page.items) this.change(change)
    const overview = await ask<Overview>('/v1/overview', signal)
    this.heard('polling')
    this.set({ overview, figures: this.state.figures + 1, bulks: this.state.bulks + 1 })
  }

  private take({ event, data, id }: ServerEvent): void {
    if (id !== undefined) this.position = id
    if (event === 'request') this.change(JSON.parse(data) as Change)
    if (event === 'lag') this.set({ figures: this.state.figures + 1 })
    if (event === 'overview') this.set({ overview: JSON.parse(data) as Overview })
    if (event === 'bulk') this.set({ bulks: this.state.bulks + 1 })
    // What was asked for before the stream began may have changed in between, and nothing tells of that.
    if (event === 'reset' || event === 'hello') this.set({ resets: this.state.resets + 1 })
  }

  private change({ requestId, version }: Change): void {
    this.versions.delete(requestId)
    this.versions.set(requestId, version)
    const [oldest] = this.versions.keys()
    if (this.versions.size > MOST_REMEMBERED && oldest !== undefined) this.versions.delete(oldest)
    this.set({ requests: this.state.requests + 1 })
  }

  private heard(transport: Transport): void {
    this.set({ transport, at: Date.now() })
  }

  private set(change: Partial<FeedState>): void {
    this.state = { ...this.state, ...change }
    for (const listener of this.listeners) listener()
  }
}

/** Nobody is let in by asking again with the same credential. */
const isRefusal = (error: unknown): boolean =>
  error instanceof AskError && (error.status === 401 || error.status === 403)

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
