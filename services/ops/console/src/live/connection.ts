import type { ChangePage, Overview } from '../../../src/adapters/http/answer-types.js'
import { STALE_AFTER_MS } from '../view/freshness.js'
import { AskError, ask, reach } from './ask.js'
import type { Told } from './feed.js'
import { EventParser, type ServerEvent } from './sse.js'

const POLL_MS = 5_000
const RETRY_MS = 1_000
/** While polling, a stream is tried again every so many polls. */
const POLLS_PER_TRY = 3

/** Whoever is told what comes, and knows behind which change to go on. */
export interface Listener {
  readonly position: string | undefined
  readonly tell: (told: Told) => void
}

/**
 * The connection to the service: a stream read with fetch, which tells silence from quiet and why it was refused. It
 * comes back with Last-Event-ID; where a stream can't be had it asks `/v1/changes` again and again.
 */
export class Connection {
  constructor(
    private readonly listener: Listener,
    private readonly stopped: AbortSignal,
  ) {}

  /** Resolves when it was stopped, or when nobody is let in with this session any more. */
  async run(): Promise<void> {
    for (let failures = 0; !this.stopped.aborted; ) {
      try {
        await this.stream()
        failures = 0
      } catch (error) {
        if (this.stopped.aborted || isRefusal(error)) return
        failures++
      }
      // The first loss is mended at once; who is refused again and again asks by polling.
      if (failures > 1 && !(await this.poll())) return
      await pause(RETRY_MS, this.stopped)
    }
  }

  private async stream(): Promise<void> {
    const silence = new AbortController()
    const signal = AbortSignal.any([this.stopped, silence.signal])
    let timer = setTimeout(() => silence.abort(), STALE_AFTER_MS)
    const { position } = this.listener
    try {
      const headers: Record<string, string> = position === undefined ? {} : { 'last-event-id': position }
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
        this.heard('stream', parser.push(value))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** @returns false when nobody is let in any more */
  private async poll(): Promise<boolean> {
    for (let n = 0; n < POLLS_PER_TRY && !this.stopped.aborted; n++) {
      try {
        this.heard('polling', await this.pollOnce())
      } catch (error) {
        if (this.stopped.aborted || isRefusal(error)) return false
        this.listener.tell({ transport: 'broken', at: null, events: [] })
      }
      await pause(POLL_MS, this.stopped)
    }
    return true
  }

  /** What a stream would have told. */
  private async pollOnce(): Promise<readonly ServerEvent[]> {
    const { position } = this.listener
    const signal = AbortSignal.any([this.stopped, AbortSignal.timeout(STALE_AFTER_MS)])
    const after = position === undefined ? '' : `?after=${position}&limit=1000`
    const page = await ask<ChangePage>(`/v1/changes${after}`, signal)
    const overview = await ask<Overview>('/v1/overview', signal)
    return [
      ...page.items.map((change) => eventOf('request', change)),
      eventOf(position === undefined ? 'hello' : 'position', {}, page.next),
      eventOf('overview', overview),
      eventOf('lag', {}),
      eventOf('bulk', {}),
    ]
  }

  private heard(transport: 'stream' | 'polling', events: readonly ServerEvent[]): void {
    this.listener.tell({ transport, at: Date.now(), events })
  }
}

const eventOf = (event: string, data: object, id?: string): ServerEvent => ({
  event,
  data: JSON.stringify(data),
  id,
})

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
