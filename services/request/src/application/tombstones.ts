import type { RequestEvent, RequestState } from '@lethe/domain'
import type { LogTransaction } from '@lethe/request-log'
import type { Sealed } from '../vault/seal.js'

export const writesTombstone = (events: readonly RequestEvent[]): boolean =>
  events.some(({ type }) => type === 'TombstoneWritten')

/**
 * Publishes every tombstone these events wrote, with the vault's own sealed bytes as selectors: whoever reads
 * the topic needs the epoch key, and destroying that key shreds the topic's copy as well.
 *
 * @param stored the request's sealed entries by system id
 */
export function publishTombstones(
  tx: LogTransaction,
  state: RequestState,
  events: readonly RequestEvent[],
  stored: ReadonlyMap<string, Sealed>,
  now: number,
): void {
  for (const event of events) {
    if (event.type !== 'TombstoneWritten') continue
    const sealed = stored.get(event.data.systemId)
    const value = {
      ...event.data,
      epoch: sealed?.epoch ?? event.data.epoch,
      prevHash: null,
      tenantId: state.tenantId,
      requestId: state.requestId,
      sealedSelectors: sealed?.sealed ?? null,
    }
    const { tombstoneId: key } = event.data
    tx.publish({ topic: 'erasure.tombstones', key, type: 'ErasureTombstone', value, headers: {} }, now)
  }
}
