import { systemIdsOf } from '@lethe/data-map'
import type { OutsidePositions } from '@lethe/messaging'
import type { Pool } from 'pg'

/** One replication slot of Lethe's database. */
export interface Slot {
  readonly slot: string
  readonly active: boolean
  /** PostgreSQL's word: `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null
  /** Bytes of log that are written and not confirmed. */
  readonly lagBytes: number | null
  /** Bytes of log that the server keeps for it. */
  readonly retainedBytes: number | null
}

/** What PostgreSQL knows about the machine: positions, slots, systems. */
export class PgMachine {
  constructor(private readonly pool: Pool) {}

  /** Where the aggregator stands: topic to partition to the first record not folded. */
  async aggregatorPositions(): Promise<OutsidePositions> {
    const { rows } = await this.pool.query<{ topic: string; partition: number; next_offset: string }>(
      "SELECT topic, partition, next_offset FROM inbox.offsets WHERE consumer = 'aggregator'",
    )
    const found = new Map<string, Map<number, number>>()
    for (const { topic, partition, next_offset } of rows) {
      const partitions = found.get(topic) ?? new Map<number, number>()
      found.set(topic, partitions.set(partition, Number(next_offset)))
    }
    return found
  }

  /** Every slot of this database. What is confirmed is read before the end of the log, as with lag. */
  async slots(): Promise<Slot[]> {
    const { rows } = await this.pool.query<Record<string, string | boolean | null>>(
      `WITH slot AS MATERIALIZED (
         SELECT slot_name, active, wal_status, confirmed_flush_lsn, restart_lsn FROM pg_replication_slots
         WHERE database = current_database() ORDER BY slot_name)
       SELECT slot_name, active, wal_status,
         pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS lag,
         pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text AS retained FROM slot`,
    )
    return rows.map((row) => ({
      slot: String(row['slot_name']),
      active: row['active'] === true,
      walStatus: row['wal_status'] === null ? null : String(row['wal_status']),
      lagBytes: bytes(row['lag']),
      retainedBytes: bytes(row['retained']),
    }))
  }

  /** The systems of the newest data map; none before there is one. @throws when it can't be read */
  async systemIds(): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ body: string }>(
      'SELECT body FROM events.data_maps ORDER BY version DESC LIMIT 1',
    )
    if (!rows[0]) return []
    const ids = systemIdsOf(rows[0].body)
    if (ids === null) throw new Error('the newest data map can not be read')
    return ids
  }
}

/** A slot that never confirmed anything has no position: not zero. */
const bytes = (text: unknown): number | null =>
  text === null || text === undefined ? null : Math.max(0, Number(text))
