import { setTimeout as sleep } from 'node:timers/promises'
import type { Capabilities } from './connector.js'

/** What holds an eraser back. */
export interface Pacing {
  /** Passes per call now, and at most. */
  readonly size: number
  readonly max: number
  /** Passes a second that are let through; null: no limit is set. */
  readonly perSecond: number | null
  /** Until the next call may begin, milliseconds. */
  readonly waitsMs: number
}

/** How many passes one call of the connector gets, and how often. */
export class Pacer {
  /** Passes per call: shrinks when grants end before the work does, and grows again. */
  size: number
  private nextAt = 0

  constructor(
    private readonly batch: Capabilities['batch'],
    private readonly now: () => number,
  ) {
    this.size = batch.max
  }

  /** Waits until `perSecond` allows `passes` more. Rejects when `signal` is aborted meanwhile. */
  async wait(passes: number, signal: AbortSignal): Promise<void> {
    const { perSecond } = this.batch
    if (perSecond === undefined) return
    const now = this.now()
    const startAt = Math.max(now, this.nextAt)
    this.nextAt = startAt + (passes * 1_000) / perSecond
    if (startAt > now) await sleep(startAt - now, undefined, { signal })
  }

  state(): Pacing {
    const { max, perSecond = null } = this.batch
    return { size: this.size, max, perSecond, waitsMs: Math.max(0, Math.round(this.nextAt - this.now())) }
  }

  /** Tells whether a call ended in time. */
  report(inTime: boolean): void {
    this.size = inTime ? Math.min(this.batch.max, this.size * 2) : Math.max(1, Math.floor(this.size / 2))
  }
}
