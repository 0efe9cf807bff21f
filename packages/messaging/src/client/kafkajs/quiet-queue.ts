import { createRequire } from 'node:module'

/** The part of kafkajs 2.2.4's request queue that this file replaces. Not public there. */
export interface RequestQueue {
  readonly pending: readonly unknown[]
  /** Epoch milliseconds; -1 when the broker asked for no pause. */
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const requestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
  readonly prototype: RequestQueue
}
const CHECK_MS = 10

/** As it is in kafkajs, kept so that a test can show what it does. */
export const restless = requestQueue.prototype.scheduleCheckPendingRequests

/**
 * kafkajs schedules the next look at its queue after every answer, and for a queue that has nothing to send after
 * -1 ms: each connection of an idle process wakes a thousand times a second (tulios/kafkajs#1704, open since 2024;
 * kafkajs is frozen). Whoever adds to the queue, and every answer, looks at it anyway, so an empty one needs no timer.
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  const throttledFor = this.throttledUntil - Date.now()
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    throttledFor > 0 ? throttledFor : CHECK_MS,
  )
}

/** Idempotent; for every connection of the process. */
export function quietQueues(): void {
  requestQueue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests
}
