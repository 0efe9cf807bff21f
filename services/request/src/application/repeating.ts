import type { Logger } from '@lethe/service-host'

/** Work that is done again and again, one run at a time, until it is stopped. Errors are logged, not thrown. */
export class Repeating {
  private timer: NodeJS.Timeout | null = null
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(
    private readonly name: string,
    private readonly work: () => Promise<unknown>,
    private readonly everyMs: number,
    private readonly logger: Logger,
  ) {}

  start(): void {
    if (this.stopped) return
    this.timer = setTimeout(() => {
      this.running = this.once().finally(() => this.start())
    }, this.everyMs)
  }

  private async once(): Promise<void> {
    try {
      await this.work()
    } catch (error) {
      this.logger.warn({ err: error, work: this.name }, 'repeated work failed and will be tried again')
    }
  }

  /** Resolves when the run in progress has ended. */
  async stop(): Promise<void> {
    this.stopped = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.running
  }
}
