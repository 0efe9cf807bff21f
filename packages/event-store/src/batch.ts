import type { StreamAppend } from './event-store.js'

/**
 * Streams one transaction may touch. Each holds a lock in the server's shared lock table, which has
 * room for 64 per allowed connection unless an operator raised it.
 */
export const MAX_STREAMS_PER_BATCH = 2_000

/** Refuses what no store could write: nothing, a stream twice, a stream without events. */
export function assertBatch(batch: readonly StreamAppend[]): void {
  if (batch.length === 0) throw new TypeError('an append needs at least one stream')
  if (batch.length > MAX_STREAMS_PER_BATCH)
    throw new TypeError(`an append takes at most ${MAX_STREAMS_PER_BATCH} streams, not ${batch.length}`)
  const seen = new Set<string>()
  for (const { streamId, events, expectedVersion } of batch) {
    if (seen.has(streamId)) throw new TypeError(`stream ${streamId} is in the batch twice`)
    if (events.length === 0) throw new TypeError(`no events for stream ${streamId}`)
    if (!Number.isSafeInteger(expectedVersion) || expectedVersion < 0)
      throw new TypeError(`expected version of ${streamId} is ${expectedVersion}`)
    seen.add(streamId)
  }
}
