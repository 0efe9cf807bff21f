import type { RequestEvent, RequestState } from '@lethe/domain'
import type { LogTransaction } from '@lethe/request-log'
import type { Vault } from '../vault/vault.js'

/**
 * Publishes every tombstone these events wrote, with the vault's own sealed bytes as selectors: whoever reads
 * the topic needs the epoch key, and destroying that key shreds the topic's copy as well.
 */
export async function publishTombstones(
  tx: LogTransaction,
  vault: Vault,
  state: RequestState,
  events: readonly RequestEvent[],
  now: number,
): Promise<void> {
  const written = events.flatMap((event) => (event.type === 'TombstoneWritten' ? [event.data] : []))
  if (written.length === 0) return
  const stored = await vault.stored(tx.client, state.requestId)
  for (const tombstone of written) {
    const sealed = stored.get(tombstone.systemId)
    const value = {
      ...tombstone,
      epoch: sealed?.epoch ?? tombstone.epoch,
      prevHash: null,
      tenantId: state.tenantId,
      requestId: state.requestId,
      sealedSelectors: sealed?.sealed ?? null,
    }
    const { tombstoneId: key } = tombstone
    tx.publish({ topic: 'erasure.tombstones', key, type: 'ErasureTombstone', value, headers: {} }, now)
  }
}
