import type { Incoming } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import type { SelfStore } from '../../adapters/self-store.js'

type StatusRecord = Incoming<wire.ErasureStatusChanged>

/** Milestones after which a request does not go on by itself. */
const ENDS = new Set<wire.ErasureStatusChanged['status']>(['held', 'cancelled', 'refused'])

/**
 * What `erasure.status` says of requests: those the log has lost are kept, and of the others those that were stopped.
 * Milestones of one request come in their order. Memory is bounded by the requests that were ever held or stopped.
 */
export class Statuses {
  private readonly stopped = new Set<string>()

  constructor(private readonly store: SelfStore) {}

  async take(page: readonly StatusRecord[]): Promise<void> {
    const named = page.flatMap(({ value }) => (value.requestId === null ? [] : [value]))
    const here = await this.store.requests([...new Set(named.map(({ requestId }) => requestId ?? ''))])
    const lost = new Map<string, Parameters<SelfStore['lost']>[0][number]>()
    for (const value of named) {
      const requestId = value.requestId ?? ''
      const stops = ENDS.has(value.status)
      // Every hold lifted is told, the last one or not.
      const goesOn = value.status === 'released' && value.requestStatus !== 'ON_HOLD'
      if (stops) this.stopped.add(requestId)
      if (goesOn) this.stopped.delete(requestId)
      if (here.has(requestId)) continue
      lost.set(requestId, {
        requestId,
        tenantId: value.tenantId ?? '',
        subjectRef: value.subjectRef ?? requestId,
        status: value.requestStatus ?? value.status,
        held: this.stopped.has(requestId),
        at: Number(value.at),
      })
    }
    if (lost.size > 0) await this.store.lost([...lost.values()])
  }

  /** Requests of the log that somebody stopped, and that it would go on with. */
  async toHold(): Promise<string[]> {
    const here = await this.store.requests([...this.stopped])
    return [...here].flatMap(([requestId, { status, held }]) =>
      held || status === 'CANCELLED' || status === 'REFUSED' ? [] : [requestId],
    )
  }
}
