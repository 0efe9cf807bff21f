import { setTimeout as delay } from 'node:timers/promises'
import { dueRequests, type RequestLog } from '@lethe/request-log'
import type { Logger } from '@lethe/service-host'
import type { Pool } from 'pg'

export interface ProcessManagerOptions {
  readonly pool: Pool
  readonly log: RequestLog
  readonly logger: Logger
  /** Milliseconds between two looks when nothing was due. */
  readonly tickMs: number
  /** Requests moved in one transaction. */
  readonly batch?: number
  readonly now?: () => number
  /** Null when decisions may rest on the database. */
  readonly blocked?: () => Promise<string | null>
}

/**
 * Moves requests whose time has come: grace over, pass unanswered, retry due, probe due after settling,
 * retained part due. It holds no timers of its own: `next_action_at` is in the read model, so that
 * nothing is forgotten in a restart, and two instances do the same work only once.
 */
export class ProcessManager {
  private readonly stopping = new AbortController()
  private running: Promise<void> | null = null

  constructor(private readonly options: ProcessManagerOptions) {}

  start(): void {
    this.running ??= this.loop()
  }

  /** Ends after the running transaction. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  /**
   * Moves one batch of due requests as far as they can go. Idempotent. A request that cannot be moved
   * is logged and passed over; the others go on.
   *
   * @returns how many events that gave
   */
  async moveDue(): Promise<number> {
    const now = (this.options.now ?? Date.now)()
    const ids = await dueRequests(this.options.pool, now, this.options.batch ?? 500)
    if (ids.length === 0) return 0
    try {
      return await this.move(ids, now)
    } catch (error) {
      if (ids.length === 1) throw error
      this.options.logger.warn(
        { err: error, due: ids.length },
        'a batch of due requests failed; moving them one by one',
      )
      return this.moveOneByOne(ids, now)
    }
  }

  private move(ids: readonly string[], now: number): Promise<number> {
    return this.options.log.transact([...ids], async (tx) => {
      // Inside, because its connection may be a new one, to another database than the last.
      if ((await this.options.blocked?.()) != null) return 0
      let events = 0
      for (const id of ids) {
        const decision = tx.apply(id, { type: 'Proceed' }, now)
        if (decision.ok) events += decision.events.length
      }
      return events
    })
  }

  private async moveOneByOne(ids: readonly string[], now: number): Promise<number> {
    let events = 0
    for (const id of ids) {
      events += await this.move([id], now).catch((error: unknown) => {
        this.options.logger.error({ err: error, requestId: id }, 'a due request could not be moved')
        return 0
      })
    }
    return events
  }

  private async loop(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const moved = await this.moveDue().catch((error: unknown) => {
        this.options.logger.error({ err: error }, 'moving due requests failed; trying again')
        return 0
      })
      if (moved === 0)
        await delay(this.options.tickMs, undefined, { signal: this.stopping.signal }).catch(() => undefined)
    }
  }
}
