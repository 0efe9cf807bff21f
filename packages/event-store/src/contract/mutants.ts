import { setImmediate as turn } from 'node:timers/promises'
import { assertBatch } from '../batch.js'
import { VersionConflict } from '../errors.js'
import type {
  AllPage,
  AppendedStream,
  EventStore,
  Snapshot,
  StoredEvent,
  StreamAppend,
} from '../event-store.js'
import type { CheckName } from './checks.js'
import { MemoryEventStore } from './memory-event-store.js'

class IgnoresVersions extends MemoryEventStore {
  override async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    return batch.map((entry) => this.write({ ...entry, expectedVersion: this.head(entry.streamId) }))
  }
}

class ChecksThenWrites extends MemoryEventStore {
  override async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    const conflicts = batch.filter(({ streamId, expectedVersion }) => this.head(streamId) !== expectedVersion)
    if (conflicts.length > 0) throw new VersionConflict(conflicts.map(({ streamId }) => streamId))
    await turn()
    return batch.map((entry) => this.write(entry))
  }
}

class WritesStreamByStream extends MemoryEventStore {
  override async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    assertBatch(batch)
    const written: AppendedStream[] = []
    for (const entry of batch) written.push(...(await super.append([entry])))
    return written
  }
}

class SkipsVersions extends MemoryEventStore {
  protected override write(entry: StreamAppend): AppendedStream {
    return super.write(entry.expectedVersion === 3 ? { ...entry, expectedVersion: 4 } : entry)
  }
}

class AcceptsAnything extends MemoryEventStore {
  override async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    return batch.map((entry) => this.write(entry))
  }
}

class SortsKeys extends MemoryEventStore {
  override async readStream(
    streamId: string,
    options?: { afterVersion?: number; limit?: number },
  ): Promise<readonly StoredEvent[]> {
    const events = await super.readStream(streamId, options)
    return events.map((event) => ({
      ...event,
      data: Object.fromEntries(Object.entries(event.data as object).sort(([a], [b]) => a.localeCompare(b))),
    }))
  }
}

class ReadsOneTooMany extends MemoryEventStore {
  override readStream(
    streamId: string,
    options: { afterVersion?: number; limit?: number } = {},
  ): Promise<readonly StoredEvent[]> {
    return super.readStream(streamId, { ...options, afterVersion: (options.afterVersion ?? 0) - 1 })
  }
}

class ForgetsLimit extends MemoryEventStore {
  override readStream(
    streamId: string,
    options: { afterVersion?: number } = {},
  ): Promise<readonly StoredEvent[]> {
    return super.readStream(streamId, { afterVersion: options.afterVersion ?? 0 })
  }
}

class SkipsAtPageEnds extends MemoryEventStore {
  override async readAll(options: { after?: string | null; limit: number }): Promise<AllPage> {
    const page = await super.readAll(options)
    return page.end ? page : { ...page, next: String(Number(page.next) + 1) }
  }
}

/** Numbers are drawn at once, rows become visible later: a sequence without a fence. */
class ReadsPastInFlight extends MemoryEventStore {
  readonly #visible = new Set<string>()

  override async append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]> {
    const from = this.log.length
    const written = await super.append(batch)
    const mine = this.log.slice(from).map(({ position }) => position)
    for (let turns = from % 3; turns > 0; turns--) await turn()
    for (const position of mine) this.#visible.add(position)
    return written
  }

  override async readAll({ after, limit }: { after?: string | null; limit: number }): Promise<AllPage> {
    await turn()
    const events = this.log
      .filter(({ position }) => Number(position) > Number(after ?? 0) && this.#visible.has(position))
      .slice(0, limit)
    return { events, next: events.at(-1)?.position ?? after ?? null, end: events.length < limit }
  }
}

class KeepsLastSnapshot extends MemoryEventStore {
  override async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    for (const snapshot of snapshots) this.snapshots.set(snapshot.streamId, snapshot)
  }
}

class IgnoresFoldVersion extends MemoryEventStore {
  override async loadSnapshots(streamIds: readonly string[]): Promise<ReadonlyMap<string, Snapshot>> {
    return new Map(
      streamIds.flatMap((id) => [
        ...(this.snapshots.has(id) ? [[id, this.snapshots.get(id) as Snapshot] as const] : []),
      ]),
    )
  }
}

class SnapshotsTooNew extends MemoryEventStore {
  override async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    await super.saveSnapshots(snapshots.map((snapshot) => ({ ...snapshot, version: snapshot.version + 1 })))
  }
}

/** Stores broken on purpose, each with the checks that must notice it. */
export const mutants: readonly { make: new () => EventStore; noticedBy: readonly CheckName[] }[] = [
  { make: IgnoresVersions, noticedBy: ['refusesWrongVersions', 'allOrNothing', 'oneWriterWins'] },
  { make: ChecksThenWrites, noticedBy: ['oneWriterWins', 'overlappingWriters'] },
  { make: WritesStreamByStream, noticedBy: ['allOrNothing'] },
  { make: SkipsVersions, noticedBy: ['versionsHaveNoGaps'] },
  { make: AcceptsAnything, noticedBy: ['refusesMalformed', 'refusesWrongVersions'] },
  { make: SortsKeys, noticedBy: ['dataSurvives'] },
  { make: ReadsOneTooMany, noticedBy: ['readsFromAnyVersion', 'foldsFromAnyCut'] },
  { make: ForgetsLimit, noticedBy: ['readsFromAnyVersion'] },
  { make: SkipsAtPageEnds, noticedBy: ['pagesVisitEverything'] },
  { make: ReadsPastInFlight, noticedBy: ['readerMissesNothing'] },
  { make: KeepsLastSnapshot, noticedBy: ['keepsNewestSnapshot'] },
  { make: IgnoresFoldVersion, noticedBy: ['keepsNewestSnapshot'] },
  { make: SnapshotsTooNew, noticedBy: ['keepsNewestSnapshot', 'foldsFromAnyCut'] },
]
