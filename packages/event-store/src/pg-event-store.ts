import type { ClientBase, Pool } from 'pg'
import { backToBack } from './back-to-back.js'
import { assertBatch, MAX_STREAMS_PER_BATCH } from './batch.js'
import { VersionConflict } from './errors.js'
import type {
  AllPage,
  AppendedStream,
  EventStore,
  Position,
  Snapshot,
  StoredEvent,
  StreamAppend,
} from './event-store.js'
import { inTransaction } from './in-transaction.js'
import * as sql from './pg-statements.js'

/** What to load of one stream: everything, or only what came after a version that is already known. */
export interface StreamWanted {
  readonly streamId: string
  /** Load only events after it, and no snapshot. */
  readonly afterVersion?: number
}

/** The newest usable snapshot of a stream, if any, and every event after it. */
export interface LoadedStream {
  readonly snapshot: Snapshot | null
  readonly tail: readonly StoredEvent[]
}

/**
 * The event store on PostgreSQL tables, see `migrations/0001_event-log.sql`.
 *
 * The methods that take a `client` are for callers that write more in the same transaction. They
 * expect an open READ COMMITTED transaction and never end it.
 */
export class PgEventStore implements EventStore {
  readonly atomicBatches = true

  constructor(private readonly pool: Pool) {}

  append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    return inTransaction(this.pool, async (client) => {
      await this.lockHeads(
        client,
        batch.map(({ streamId }) => streamId),
      )
      return this.appendIn(client, batch)
    })
  }

  async readStream(
    streamId: string,
    options: { afterVersion?: number; limit?: number } = {},
  ): Promise<readonly StoredEvent[]> {
    const { rows } = await this.pool.query<EventRow>({
      name: 'lethe_read_stream',
      text: sql.readStream,
      values: [streamId, options.afterVersion ?? 0, options.limit ?? null],
    })
    return rows.map(storedEvent)
  }

  async readAll(options: { after?: Position | null; limit: number }): Promise<AllPage> {
    const { limit } = options
    if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`a page cannot hold ${limit} events`)
    const after = options.after ?? null
    const [transaction, position] = after === null ? ['0', '0'] : parsePosition(after)
    const { rows } = await this.pool.query<EventRow>(sql.readAll, [transaction, position, limit])
    const events = rows.map(storedEvent)
    return { events, next: events.at(-1)?.position ?? after, end: events.length < limit }
  }

  /** From here `readAll` gives what is not readable yet, and at most a little of what already was. */
  async end(): Promise<Position> {
    const { rows } = await this.pool.query<{ xmin: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin',
    )
    return `${rows[0]?.xmin ?? '0'}.0`
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    if (snapshots.length > 0)
      await inTransaction(this.pool, (client) => this.saveSnapshotsIn(client, snapshots))
  }

  loadSnapshots(streamIds: readonly string[], foldVersion: number): Promise<ReadonlyMap<string, Snapshot>> {
    return loadSnapshots(this.pool, streamIds, foldVersion)
  }

  /** The pool belongs to whoever made it. */
  async close(): Promise<void> {}

  /**
   * Locks the heads of streams, existing or not, until the transaction ends, always in the same
   * order, and returns the version of each (0: does not exist). Must come before the first write of
   * the transaction: its xid is then younger than that of every earlier writer of these streams,
   * which keeps the order within a stream equal to the order of `readAll`.
   */
  async lockHeads(client: ClientBase, streamIds: readonly string[]): Promise<Map<string, number>> {
    const ids = [...new Set(streamIds)].sort()
    if (ids.length > MAX_STREAMS_PER_BATCH)
      throw new TypeError(`a transaction takes at most ${MAX_STREAMS_PER_BATCH} streams, not ${ids.length}`)
    // Two statements, because a READ COMMITTED snapshot taken before the wait would be stale.
    const [{ rows: locked }, { rows }] = await backToBack(client, [
      () =>
        client.query<{ written: boolean }>({ name: 'lethe_lock_heads', text: sql.lockHeads, values: [ids] }),
      () =>
        client.query<{ stream_id: string; version: string }>({
          name: 'lethe_read_heads',
          text: sql.readHeads,
          values: [ids],
        }),
    ])
    if (locked.some(({ written }) => written))
      throw new Error('stream heads must be locked before the first write of a transaction')
    const heads = new Map(ids.map((id) => [id, 0]))
    for (const row of rows) heads.set(row.stream_id, Number(row.version))
    return heads
  }

  /** Writes the events of all streams in one statement. Throws `VersionConflict`; then roll back. */
  async appendIn(client: ClientBase, batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    const columns = sql.appendColumns(batch)
    try {
      const { rows } = await client.query<{ stream_id: string }>({
        name: 'lethe_append',
        text: sql.append,
        values: columns,
      })
      if (rows.length !== batch.length) throw new VersionConflict(missing(batch, rows))
    } catch (error) {
      if (isUniqueViolation(error))
        throw new VersionConflict(
          batch.map((b) => b.streamId),
          { cause: error },
        )
      throw error
    }
    return batch.map(({ streamId, expectedVersion, events }) => ({
      streamId,
      version: expectedVersion + events.length,
    }))
  }

  /**
   * Snapshot and tail of many streams in two statements; streams that do not exist come back empty. The streams
   * must be locked: both statements have to see the same snapshots.
   */
  async loadMany(
    client: ClientBase,
    wanted: readonly StreamWanted[],
    foldVersion: number,
  ): Promise<Map<string, LoadedStream>> {
    if (wanted.length === 0) return new Map()
    const whole = wanted
      .filter(({ afterVersion }) => afterVersion === undefined)
      .map(({ streamId }) => streamId)
    const [snapshots, { rows }] = await backToBack(client, [
      () => loadSnapshots(client, whole, foldVersion),
      () =>
        client.query<EventRow>({
          name: 'lethe_load_tails',
          text: sql.loadTails,
          values: [
            wanted.map(({ streamId }) => streamId),
            wanted.map(({ afterVersion }) => afterVersion ?? null),
            foldVersion,
          ],
        }),
    ])
    const tails = new Map<string, StoredEvent[]>()
    for (const row of rows) {
      const tail = tails.get(row.stream_id)
      if (tail) tail.push(storedEvent(row))
      else tails.set(row.stream_id, [storedEvent(row)])
    }
    return new Map(
      wanted.map(({ streamId }) => [
        streamId,
        { snapshot: snapshots.get(streamId) ?? null, tail: tails.get(streamId) ?? [] },
      ]),
    )
  }

  async saveSnapshotsIn(client: ClientBase, snapshots: readonly Snapshot[]): Promise<void> {
    if (snapshots.length === 0) return
    await client.query({
      name: 'lethe_save_snapshots',
      text: sql.saveSnapshots,
      values: sql.snapshotColumns(snapshots),
    })
  }
}

interface EventRow {
  stream_id: string
  version: string
  position: string
  transaction: string
  type: string
  data: unknown
}

function storedEvent(row: EventRow): StoredEvent {
  return {
    streamId: row.stream_id,
    version: Number(row.version),
    position: `${row.transaction}.${row.position}`,
    type: row.type,
    data: row.data,
  }
}

function parsePosition(position: Position): [transaction: string, position: string] {
  const parts = /^(\d+)\.(\d+)$/.exec(position)
  if (!parts?.[1] || !parts[2]) throw new TypeError('not a position of this store')
  return [parts[1], parts[2]]
}

async function loadSnapshots(
  client: Pick<ClientBase, 'query'>,
  streamIds: readonly string[],
  foldVersion: number,
): Promise<ReadonlyMap<string, Snapshot>> {
  if (streamIds.length === 0) return new Map()
  const { rows } = await client.query<{ stream_id: string; version: string; state: unknown }>(
    sql.loadSnapshots,
    [streamIds, foldVersion],
  )
  return new Map(
    rows.map((row) => [
      row.stream_id,
      { streamId: row.stream_id, version: Number(row.version), foldVersion, state: row.state },
    ]),
  )
}

function missing(batch: readonly StreamAppend[], rows: readonly { stream_id: string }[]): string[] {
  const written = new Set(rows.map((row) => row.stream_id))
  return batch.map(({ streamId }) => streamId).filter((id) => !written.has(id))
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}
