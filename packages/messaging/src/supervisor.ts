import type { Logger } from 'pino'

/** One consumer from its connection to its end. */
export interface Supervised {
  start(): Promise<void>
  /** Finishes what runs, within `graceMs`, then gives up on it. Never rejects, never hangs. */
  stop(graceMs: number): Promise<void>
}

export interface SupervisorOptions {
  readonly create: (supervisor: Supervisor) => Supervised
  readonly stallMs: number
  readonly maxRestarts: number
  readonly shutdownMs: number
  readonly backoff: (failures: number) => number
  readonly onFatal: (error: Error) => void
  readonly onRestart: () => void
  readonly logger?: Logger | undefined
}

/**
 * The watchdog. A consumer that crashed, did not start, or made no progress for `stallMs` is
 * replaced in process; after `maxRestarts` replacements without progress `onFatal` ends the process,
 * because a new one gets a new heap, new sockets and someone's attention.
 */
export class Supervisor {
  private current: Supervised | null = null
  private failures = 0
  private lastProgress = Date.now()
  private watch: NodeJS.Timeout | null = null
  private replacing: Promise<void> | null = null
  private closed = false
  /** The one whose `start` has resolved. */
  private started: Supervised | null = null

  constructor(private readonly options: SupervisorOptions) {}

  /** Resolves when a consumer runs, or after `onFatal` was called. */
  async start(): Promise<void> {
    const every = Math.max(50, Math.min(this.options.stallMs / 4, 5_000))
    this.watch = setInterval(() => this.look(), every)
    await this.startOne()
  }

  /** Something moved: a fetch came back, a batch was finished, a handler said it is alive. */
  progress(): void {
    this.lastProgress = Date.now()
    this.failures = 0
  }

  /** Whether a consumer is in its group and showed a sign of life within `ms`. */
  alive(ms: number): boolean {
    const running = !this.closed && this.current !== null && this.current === this.started
    return running && Date.now() - this.lastProgress <= ms
  }

  /** A consumer ended by itself; an earlier one's report is ignored. */
  crashed(who: Supervised, error: Error): void {
    if (who === this.current) this.replace(error)
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.watch) clearInterval(this.watch)
    await this.replacing
    await this.current?.stop(this.options.shutdownMs)
    this.current = null
  }

  private look(): void {
    if (this.closed || this.replacing || !this.current) return
    const idle = Date.now() - this.lastProgress
    if (idle > this.options.stallMs) this.replace(new Error(`no progress for ${idle} ms`))
  }

  private replace(error: Error): void {
    if (this.closed || this.replacing) return
    this.replacing = this.restart(error).finally(() => {
      this.replacing = null
    })
  }

  private async restart(error: Error): Promise<void> {
    this.options.logger?.error({ error: error.name, failures: this.failures }, 'the consumer is restarted')
    this.options.onRestart()
    const old = this.current
    this.current = null
    await old?.stop(Math.min(this.options.shutdownMs, 5_000))
    await this.countFailure(error)
    if (!this.closed && this.failures <= this.options.maxRestarts) await this.startOne()
  }

  private async startOne(): Promise<void> {
    while (!this.closed && this.failures <= this.options.maxRestarts) {
      const next = this.options.create(this)
      this.current = next
      this.lastProgress = Date.now()
      try {
        await next.start()
        this.started = next
        return
      } catch (error) {
        // The watchdog may have replaced it meanwhile; then the new one is its business.
        if (this.current !== next) return
        this.current = null
        await next.stop(0)
        await this.countFailure(error instanceof Error ? error : new Error('the consumer did not start'))
      }
    }
  }

  private async countFailure(error: Error): Promise<void> {
    this.failures += 1
    if (this.failures > this.options.maxRestarts) return this.giveUp(error)
    await this.wait(this.options.backoff(this.failures))
  }

  private giveUp(error: Error): void {
    this.options.logger?.fatal({ error: error.name }, 'the consumer can not be brought back')
    if (!this.closed) this.options.onFatal(error)
  }

  /** Ends early when the supervisor is closed, so that a shutdown never waits for a backoff. */
  private wait(ms: number): Promise<void> {
    const until = Date.now() + ms
    return new Promise((resolve) => {
      const check = () => {
        if (this.closed || Date.now() >= until) resolve()
        else setTimeout(check, Math.min(50, Math.max(1, until - Date.now())))
      }
      check()
    })
  }
}
