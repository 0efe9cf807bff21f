import type { Incoming } from '@lethe/messaging'
import { OffsetConflict } from '@lethe/request-log'
import { createLogger, metricsRegistry } from '@lethe/service-host'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { PgOffsets } from './adapters/pg-offsets.js'
import { FoldBatch } from './application/fold-batch.js'
import { InboxPruning } from './application/inbox-pruning.js'
import { ProcessManager } from './application/process-manager.js'
import { acknowledgement, SECRET, Stand } from './testing/stand.js'

const logger = createLogger('aggregator-spec', { level: 'silent' })
const TOPIC = 'erasure.acknowledged'
let stand: Stand
/** Each test folds a partition of its own. */
let partition = 100

beforeAll(async () => {
  stand = await Stand.open()
})
afterEach(async () => {
  await stand?.stopAll()
})
afterAll(async () => {
  await stand?.drop()
})

const incoming = (requestId: string, offset: number): Incoming => ({
  topic: TOPIC,
  partition,
  offset: String(offset),
  key: requestId,
  headers: {},
  timestamp: 0,
  type: 'ErasureAcknowledged',
  value: acknowledgement(requestId),
  raw: Buffer.alloc(0),
})

/** An owner of the partition, as one process is: it read the offsets and folds from there. */
async function owner() {
  const offsets = new PgOffsets(stand.pool)
  const stored = await offsets.load(TOPIC, [partition])
  const folding = new FoldBatch(stand.log, offsets, SECRET)
  const at = partition
  return {
    stored: stored.get(partition),
    fold: (ids: readonly string[], from: number, next: number) =>
      folding.run(
        ids.map((id, index) => incoming(id, from + index)),
        { topic: TOPIC, partition: at, from: String(from), next: String(next) },
      ),
  }
}

describe('a partition of acknowledgements', () => {
  it('has one owner: a member that was replaced aborts and writes nothing', async () => {
    partition += 1
    const [one = '', two = '', three = ''] = await stand.requests(3)
    const zombie = await owner()
    await zombie.fold([one], 0, 1)
    const successor = await owner()
    expect(successor.stored).toBe('1')
    await successor.fold([two], 1, 2)
    await expect(zombie.fold([three], 1, 2)).rejects.toThrow(OffsetConflict)
    expect(await stand.occurrences([three], 'PassAcknowledged')).toEqual([0])
    expect(await inboxHas(three)).toBe(false)
    expect((await stand.stored()).get(partition)).toBe(2)
  })

  it('has one owner from its first record on, whoever inserts the row', async () => {
    partition += 1
    const [one = '', two = ''] = await stand.requests(2)
    const [first, second] = [await owner(), await owner()]
    await first.fold([one], 0, 1)
    await expect(second.fold([two], 0, 1)).rejects.toThrow(OffsetConflict)
    expect(await stand.occurrences([two], 'PassAcknowledged')).toEqual([0])
  })

  it('is not folded by a member that was replaced even when an earlier record keeps the offset where it is', async () => {
    partition += 1
    const [one = '', two = '', three = ''] = await stand.requests(3)
    const zombie = await owner()
    // A record at offset 0 waits for its retry: the one behind it is folded, the offset stays.
    await zombie.fold([one], 0, 0)
    expect((await stand.stored()).get(partition)).toBe(0)
    const successor = await owner()
    await successor.fold([two], 0, 2)
    await expect(zombie.fold([three], 0, 0)).rejects.toThrow(OffsetConflict)
    expect(await stand.occurrences([three], 'PassAcknowledged')).toEqual([0])
    expect((await stand.stored()).get(partition)).toBe(2)
  })

  const inboxHas = async (requestId: string) => {
    const { rowCount } = await stand.pool.query('SELECT 1 FROM inbox.processed WHERE message_id = $1', [
      `ack-of-${requestId}`,
    ])
    return rowCount === 1
  }
})

describe('the process manager', () => {
  it('moves requests whose grace period is over once, though two instances look', async () => {
    const graceUntil = Date.now() + 3_600_000
    const ids = await stand.requests(60, graceUntil)
    const manager = (now: number) =>
      new ProcessManager({ pool: stand.pool, log: stand.writer(), logger, tickMs: 10, now: () => now })
    await manager(graceUntil - 1).moveDue()
    expect(await stand.occurrences(ids, 'PassRequested')).toEqual(ids.map(() => 0))
    const both = [manager(graceUntil), manager(graceUntil)]
    let events: number[]
    do events = await Promise.all(both.map((one) => one.moveDue()))
    while (events.some((count) => count > 0))
    expect(await stand.occurrences(ids, 'PassRequested')).toEqual(ids.map(() => 1))
    const keys = ids.map((id) => `subject-of-${id}`).sort()
    const { rows } = await stand.pool.query<{ key: string }>(
      "SELECT aggregateid AS key FROM outbox.message WHERE type = 'ErasureRequested' AND aggregateid = ANY ($1)",
      [keys],
    )
    expect(rows.map(({ key }) => key).sort()).toEqual(keys)
  })
})

describe('the inbox', () => {
  it('forgets what its topic has given up, however much that is, and nothing younger', async () => {
    await stand.pool.query(
      `INSERT INTO inbox.processed (consumer, message_id, processed_at)
       SELECT 'aggregator', 'aged-' || n, now() - make_interval(days => n) FROM generate_series(1, 200) AS n`,
    )
    const pruning = new InboxPruning(stand.pool, 97 * 86_400_000, logger, 10)
    // Those of 97 to 200 days.
    expect(await pruning.run()).toBe(104)
    expect(await pruning.run()).toBe(0)
    expect(await metricsRegistry.metrics()).toContain('lethe_aggregator_inbox_pruned_total')
  })

  it('is pruned by the running service', async () => {
    await stand.pool.query(
      "INSERT INTO inbox.processed (consumer, message_id, processed_at) VALUES ('aggregator', 'old', now() - interval '98 days')",
    )
    await stand.start({ pruneEveryMs: 50 })
    await vi.waitUntil(
      async () =>
        (await stand.pool.query("SELECT 1 FROM inbox.processed WHERE message_id = 'old'")).rowCount === 0,
      { timeout: 10_000, interval: 20 },
    )
  })
})
