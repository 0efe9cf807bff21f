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

/** The contract in its simplest form: what the mutants are broken from. Not for production. */
export class MemoryEventStore implements EventStore {
  readonly atomicBatches = true
  protected readonly log: StoredEvent[] = []
  protected readonly snapshots = new Map<string, Snapshot>()

  async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    const conflicts = batch.filter(({ streamId, expectedVersion }) => this.head(streamId) !== expectedVersion)
    if (conflicts.length > 0) throw new VersionConflict(conflicts.map(({ streamId }) => streamId))
    return batch.map((entry) => this.write(entry))
  }

  async readStream(
    streamId: string,
    { afterVersion = 0, limit }: { afterVersion?: number; limit?: number } = {},
  ): Promise<readonly StoredEvent[]> {
    return this.log
      .filter((event) => event.streamId === streamId && event.version > afterVersion)
      .slice(0, limit)
  }

  async readAll({ after, limit }: { after?: Position | null; limit: number }): Promise<AllPage> {
    const events = this.log.filter(({ position }) => Number(position) > Number(after ?? 0)).slice(0, limit)
    return { events, next: events.at(-1)?.position ?? after ?? null, end: events.length < limit }
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    for (const snapshot of snapshots) {
      const kept = this.snapshots.get(snapshot.streamId)
      if (!kept || newer(snapshot, kept)) this.snapshots.set(snapshot.streamId, snapshot)
    }
  }

  async loadSnapshots(
    streamIds: readonly string[],
    foldVersion: number,
  ): Promise<ReadonlyMap<string, Snapshot>> {
    return new Map(
      streamIds.flatMap((id) => {
        const snapshot = this.snapshots.get(id)
        return snapshot?.foldVersion === foldVersion ? [[id, snapshot] as const] : []
      }),
    )
  }

  async close(): Promise<void> {}

  protected head(streamId: string): number {
    return this.log.findLast((event) => event.streamId === streamId)?.version ?? 0
  }

  protected write({ streamId, expectedVersion, events }: StreamAppend): AppendedStream {
    for (const [index, event] of events.entries())
      this.log.push({
        ...event,
        streamId,
        version: expectedVersion + index + 1,
        position: String(this.log.length + 1),
      })
    return { streamId, version: expectedVersion + events.length }
  }
}

function newer(a: Snapshot, b: Snapshot): boolean {
  return a.foldVersion === b.foldVersion ? a.version > b.version : a.foldVersion > b.foldVersion
}
