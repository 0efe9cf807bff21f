import type { Queryable } from '../projections/projection.js'

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  /** The first offset not yet folded. */
  readonly nextOffset: number
}

/** Another process has folded this partition since; whoever sees it stops and reads its offsets again. */
export class OffsetConflict extends Error {
  readonly code = 'offset_conflict'

  constructor(
    readonly topic: string,
    readonly partition: number,
    expected: number,
  ) {
    super(`${topic}[${partition}] is no longer at offset ${expected}: another process has taken it over`)
    this.name = 'OffsetConflict'
  }
}

/** Offsets of the partitions that have one. */
export async function loadOffsets(
  db: Queryable,
  consumer: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await db.query<{ partition: number; next_offset: string }>(
    `SELECT partition, next_offset FROM inbox.offsets
     WHERE consumer = $1 AND topic = $2 AND partition = ANY ($3::integer[])`,
    [consumer, topic, partitions],
  )
  return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
}

/**
 * Moves one offset in the open transaction, from `expected` (null: never read before) to
 * `nextOffset`. A zombie's transaction fails here and leaves nothing behind.
 *
 * @throws OffsetConflict when the stored offset is another one
 */
export async function advanceOffset(
  client: Queryable,
  consumer: string,
  { topic, partition, nextOffset }: PartitionOffset,
  expected: number | null,
): Promise<void> {
  const { rowCount } =
    expected === null
      ? await client.query(
          'INSERT INTO inbox.offsets (consumer, topic, partition, next_offset) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
          [consumer, topic, partition, nextOffset],
        )
      : await client.query(
          `UPDATE inbox.offsets SET next_offset = $4
           WHERE consumer = $1 AND topic = $2 AND partition = $3 AND next_offset = $5`,
          [consumer, topic, partition, nextOffset, expected],
        )
  if (rowCount !== 1) throw new OffsetConflict(topic, partition, expected ?? 0)
}
