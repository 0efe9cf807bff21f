import { LetheError, type Logger } from '@lethe/service-host'
import type { Role } from './connector.js'
import { ofEraser, ofProbe, storeUsable } from './metrics.js'

/**
 * Says in the log, as soon as the process runs, what keeps it from its store: a missing variable, refused
 * credentials, a map it does not know. A partition that only pauses would be noticed by nobody. Told once
 * per reason, and again when the store can be used.
 */
export class StoreWatch {
  private last: string | null = null

  constructor(
    private readonly systemId: string,
    private readonly check: () => Promise<void>,
    private readonly logger: Logger,
    private readonly role: Role = 'erase',
  ) {}

  /** `ok`, or the code of what keeps the deployment from its store; null before the first look. */
  get state(): string | null {
    return this.last
  }

  async look(): Promise<void> {
    const reason = await this.check().then(
      () => null,
      (error: unknown) => error,
    )
    const labels = this.role === 'probe' ? ofProbe(this.systemId) : ofEraser(this.systemId)
    storeUsable.set(labels, reason === null ? 1 : 0)
    // The texts of Lethe's own errors say what to do and hold no identifier; those of others stay unsaid.
    const known = reason instanceof LetheError ? reason : null
    const code = reason === null ? 'ok' : (known?.code ?? 'unexpected')
    if (code === this.last) return
    this.last = code
    if (code === 'ok') this.logger.info({ system: this.systemId }, 'the store can be used')
    else
      this.logger.error(
        { system: this.systemId, code, ...(known ? { problem: known.message } : {}) },
        'the store can not be used; work for it waits',
      )
  }
}
