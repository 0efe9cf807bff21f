import type { Logger } from './logger.js'

export interface RepeatingOptions {
  readonly name: string
  readonly work: () => Promise<unknown>
  /** Milliseconds between the end of one run and the start of the next; a function is asked after each run. */
  readonly everyMs: number | (() => number)
  /** Milliseconds before the first run; default `everyMs`. */
  readonly firstMs?: number
  readonly logger: Logger
}

/** Work that is done again and again, one run at a time, until it is stopped. Errors are logged, not thrown. */
export class Repeating {
  private timer: NodeJS.Timeout | null = null
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(private readonly options: RepeatingOptions) {}

  start(): void {
    this.next(this.options.firstMs ?? this.everyMs())
  }

  /** Resolves when the run in progress has ended. */
  async stop(): Promise<void> {
    this.stopped = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.running
  }

  private next(ms: number): void {
    if (this.stopped) return
    this.timer = setTimeout(() => {
      this.running = this.once().finally(() => this.next(this.everyMs()))
    }, ms)
  }

  private everyMs(): number {
    const { everyMs } = this.options
    return typeof everyMs === 'function' ? everyMs() : everyMs
  }

  private async once(): Promise<void> {
    const { name, work, logger } = this.options
    try {
      await work()
    } catch (error) {
      logger.warn({ err: error, work: name }, 'repeated work failed and will be tried again')
    }
  }
}
