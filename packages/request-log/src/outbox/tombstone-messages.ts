import type { RequestState } from '@lethe/domain'
import type { log } from '@lethe/schemas'
import type { Queryable } from '../projections/projection.js'
import type { OutboxMessage } from './outbox-row.js'

/** A tombstone some event of the running transaction wrote or collected, and when that was decided. */
export interface WrittenTombstone {
  readonly state: RequestState
  readonly tombstone: log.TombstoneWritten | log.TombstoneCollected
  readonly at: number
}

/**
 * A message per tombstone, with the vault's own sealed bytes as selectors: whoever reads the topic needs
 * the epoch key, and destroying that key shreds the topic's copy as well. Written here, for both writers
 * of the log, so that no tombstone is recorded without being published; sealed bytes are all a writer
 * without keys can read. One that was collected has none: then compaction takes the earlier bytes from the topic.
 */
export async function tombstoneMessages(
  client: Queryable,
  written: readonly WrittenTombstone[],
): Promise<{ publication: OutboxMessage; ceTime: number }[]> {
  if (written.length === 0) return []
  const { rows } = await client.query<{
    request_id: string
    system_id: string
    epoch: string
    sealed: Buffer
  }>(
    `SELECT e.request_id, e.system_id, e.epoch, e.sealed
     FROM vault.entries e JOIN unnest($1::text[], $2::text[]) AS w (request_id, system_id) USING (request_id, system_id)`,
    [written.map(({ state }) => state.requestId), written.map(({ tombstone }) => tombstone.systemId)],
  )
  const sealed = new Map(rows.map((row) => [`${row.request_id}/${row.system_id}`, row]))
  return written.map(({ state, tombstone, at }) => {
    const entry = sealed.get(`${state.requestId}/${tombstone.systemId}`)
    const value = {
      ...fieldsOf(tombstone),
      epoch: entry?.epoch ?? tombstone.epoch,
      prevHash: null,
      tenantId: state.tenantId,
      requestId: state.requestId,
      sealedSelectors: 'at' in tombstone ? null : (entry?.sealed ?? null),
    }
    const key = tombstone.tombstoneId
    return {
      publication: { topic: 'erasure.tombstones', key, type: 'ErasureTombstone', value, headers: {} },
      ceTime: at,
    }
  })
}

/** What the message has of either. */
function fieldsOf(tombstone: WrittenTombstone['tombstone']) {
  const { tombstoneId, sequence, systemId, mapVersion, effectiveAt, expiresAt } = tombstone
  const { recurEvery, heldUntil } = 'at' in tombstone ? { recurEvery: null, heldUntil: null } : tombstone
  return { tombstoneId, sequence, systemId, mapVersion, effectiveAt, expiresAt, recurEvery, heldUntil }
}
