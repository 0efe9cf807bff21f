import {
  BACKWARDS,
  END,
  ErrorType,
  type EventStoreDBClient,
  type JSONType,
  jsonEvent,
  NO_STREAM,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { assertBatch } from '../batch.js'
import { VersionConflict } from '../errors.js'
import type {
  AllPage,
  AppendedStream,
  EventStore,
  Position,
  Snapshot,
  StoredEvent,
  StreamAppend,
} from '../event-store.js'
import { comparePositions, positionOf, readPosition } from './positions.js'
import { isSnapshot, newer, SNAPSHOT } from './snapshots.js'

/** What this adapter uses of the client. */
export type KurrentClient = Pick<
  EventStoreDBClient,
  'appendToStream' | 'readStream' | 'readAll' | 'setStreamMetadata' | 'dispose'
>

export interface KurrentOptions {
  /** Put before every stream's name: the log of a server holds other streams too. Default `lethe-`. */
  readonly prefix?: string
}

/** Snapshots asked for at once, and turns of a snapshot that others write as well. */
const AT_ONCE = 16
const MOST_TURNS = 10
/** Records of the whole log read in one call, other people's included. */
const PAGE = 500
const AWAY: ReadonlySet<string> = new Set([
  ErrorType.UNAVAILABLE,
  ErrorType.TIMEOUT,
  ErrorType.DEADLINE_EXCEEDED,
  ErrorType.NOT_LEADER,
])

/**
 * `EventStore` on KurrentDB (EventStoreDB 20.6 and later). UNVERIFIED: it has passed the contract against a stand-in
 * of the client and never met a server; set `KURRENTDB_URL` to run the contract on one.
 *
 * What it can't give, whatever the version: KurrentDB writes one stream at a time (`atomicBatches` is false, a batch
 * of several streams is refused with a RangeError), and nothing else together with it. Lethe's outbox, inbox, offsets
 * and read models are rows of PostgreSQL, written in one transaction with the events, so `request` and `aggregator`
 * run on PostgreSQL only. Reading the whole log needs the right to read `$all`.
 *
 * Throws as the port says; a server that is away, slow or not the leader is an Error of code `EUNAVAILABLE`, after
 * which nobody knows whether an append was written: the next one says by its conflict.
 */
export class KurrentEventStore implements EventStore {
  readonly atomicBatches = false
  private readonly prefix: string

  constructor(
    private readonly client: KurrentClient,
    { prefix = 'lethe-' }: KurrentOptions = {},
  ) {
    if (!/^[a-zA-Z0-9]/.test(prefix)) throw new TypeError('a prefix starts with a letter or a digit')
    this.prefix = prefix
  }

  async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    const [only, ...others] = batch
    if (!only || others.length > 0)
      throw new RangeError(`KurrentDB writes one stream at a time, not ${batch.length}`)
    const { streamId, expectedVersion, events } = only
    try {
      await this.client.appendToStream(
        this.nameOf(streamId),
        events.map(({ type, data }) => jsonEvent({ type, data: data as JSONType })),
        { expectedRevision: expectedVersion === 0 ? NO_STREAM : BigInt(expectedVersion - 1) },
      )
    } catch (error) {
      if (error instanceof WrongExpectedVersionError) throw new VersionConflict([streamId], { cause: error })
      throw translated(error)
    }
    return [{ streamId, version: expectedVersion + events.length }]
  }

  async readStream(
    streamId: string,
    { afterVersion = 0, limit }: { afterVersion?: number; limit?: number } = {},
  ): Promise<readonly StoredEvent[]> {
    const from = { fromRevision: BigInt(afterVersion), ...(limit === undefined ? {} : { maxCount: limit }) }
    const events: StoredEvent[] = []
    try {
      for await (const { event, commitPosition } of this.client.readStream(this.nameOf(streamId), from)) {
        if (!event) continue
        const { type, data, revision, position } = event
        const place = position ?? { commit: commitPosition ?? 0n, prepare: commitPosition ?? 0n }
        events.push({ streamId, type, data, version: Number(revision) + 1, position: positionOf(place) })
      }
    } catch (error) {
      if (error instanceof StreamNotFoundError) return []
      throw translated(error)
    }
    return events
  }

  async readAll({ after, limit }: { after?: Position | null; limit: number }): Promise<AllPage> {
    const events: StoredEvent[] = []
    let from = after ? readPosition(after) : null
    for (;;) {
      const page = await this.rawPage(from)
      for (const one of page.events) {
        // The position asked from is given again.
        if (from && comparePositions(one.at, from) <= 0) continue
        if (one.event) events.push(one.event)
        if (events.length === limit) return { events, next: positionOf(one.at), end: false }
      }
      const last = page.events.at(-1)?.at
      if (page.end || !last) return { events, next: events.at(-1)?.position ?? after ?? null, end: true }
      from = last
    }
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    for (const snapshot of snapshots) await this.saveSnapshot(snapshot)
  }

  async loadSnapshots(
    streamIds: readonly string[],
    foldVersion: number,
  ): Promise<ReadonlyMap<string, Snapshot>> {
    const found = new Map<string, Snapshot>()
    for (let from = 0; from < streamIds.length; from += AT_ONCE)
      await Promise.all(
        streamIds.slice(from, from + AT_ONCE).map(async (streamId) => {
          const kept = await this.lastSnapshot(streamId)
          if (kept?.snapshot.foldVersion === foldVersion) found.set(streamId, kept.snapshot)
        }),
      )
    return found
  }

  async close(): Promise<void> {
    await this.client.dispose()
  }

  private nameOf(streamId: string): string {
    return `${this.prefix}${streamId}`
  }

  /** Beside the streams, so that no stream's name can be a snapshot's. */
  private snapshotName(streamId: string): string {
    return `${SNAPSHOT}.${this.prefix}${streamId}`
  }

  /** A page of everything there is, our events told apart from everybody else's. */
  private async rawPage(from: ReturnType<typeof readPosition> | null) {
    const events: { at: ReturnType<typeof readPosition>; event: StoredEvent | null }[] = []
    try {
      const read = this.client.readAll({ maxCount: PAGE, ...(from ? { fromPosition: from } : {}) })
      for await (const { event } of read) {
        if (!event) continue
        const { position: at, streamId: name, type, data, revision } = event
        const streamId = name.startsWith(this.prefix) ? name.slice(this.prefix.length) : null
        const version = Number(revision) + 1
        const own = streamId === null ? null : { streamId, type, data, version, position: positionOf(at) }
        events.push({ at, event: own })
      }
    } catch (error) {
      throw translated(error)
    }
    return { events, end: events.length < PAGE }
  }

  private async saveSnapshot(snapshot: Snapshot): Promise<void> {
    const name = this.snapshotName(snapshot.streamId)
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const kept = await this.lastSnapshot(snapshot.streamId)
      if (kept && !newer(snapshot, kept.snapshot)) return
      const { version, foldVersion, state } = snapshot
      try {
        await this.client.appendToStream(
          name,
          [jsonEvent({ type: SNAPSHOT, data: { version, foldVersion, state } })],
          { expectedRevision: kept ? kept.revision : NO_STREAM },
        )
        // The server drops the older ones when it scavenges; readers see the newest only.
        if (!kept) await this.client.setStreamMetadata(name, { maxCount: 1 })
        return
      } catch (error) {
        if (!(error instanceof WrongExpectedVersionError)) throw translated(error)
      }
    }
    throw new VersionConflict([snapshot.streamId])
  }

  private async lastSnapshot(streamId: string): Promise<{ snapshot: Snapshot; revision: bigint } | null> {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1 } as const
    try {
      for await (const { event } of this.client.readStream(this.snapshotName(streamId), options)) {
        if (event && isSnapshot(event.data))
          return { snapshot: { streamId, ...event.data }, revision: event.revision }
      }
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw translated(error)
    }
    return null
  }
}

/** A server that is away gets a code which callers wait on; everything else is thrown as it is. */
function translated(error: unknown): unknown {
  const type = (error as { type?: unknown } | null)?.type
  if (typeof type !== 'string' || !AWAY.has(type)) return error
  return Object.assign(new Error(`KurrentDB did not answer (${type})`, { cause: error }), {
    code: 'EUNAVAILABLE',
  })
}
