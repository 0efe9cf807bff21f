import { setTimeout as delay } from 'node:timers/promises'
import type { Policy, RequestState } from '@lethe/domain'
import { backToBack, inTransaction, type PgEventStore, VersionConflict } from '@lethe/event-store'
import type { Pool, PoolClient } from 'pg'
import { counting } from './counts/cells.js'
import { FOLD_VERSION, loadStates, readState } from './loader.js'
import { CollectingTransaction, type LogTransaction } from './log-transaction.js'
import {
  type Encode,
  type OutboxOptions,
  type OutboxRow,
  outboxRow,
  writeOutbox,
} from './outbox/outbox-row.js'
import { tombstoneMessages } from './outbox/tombstone-messages.js'
import { writersPolicy } from './policy.js'
import { projectingAll } from './projections/index.js'
import { StateCache } from './state-cache.js'

export interface RequestLogOptions {
  readonly pool: Pool
  readonly eventStore: PgEventStore
  readonly encode: Encode
  /** States kept in memory; default 10,000. */
  readonly cacheSize?: number
  /** A snapshot is written whenever a stream passes a multiple of it; default 64 events. */
  readonly snapshotEvery?: number
  /** How often a loser of a race decides again before the error is thrown; default 5. */
  readonly maxDecisions?: number
  /** Default `writersPolicy`. */
  readonly policy?: Policy
  readonly topicPrefix?: string
  /** W3C trace context for one request's messages of the running transaction. */
  readonly traceparent?: (requestId: string | null) => string | null
  /** Runs a transaction inside spans of its requests; default just runs it. */
  readonly around?: Around
}

export type Around = <T>(requestIds: readonly string[], work: () => Promise<T>) => Promise<T>

/**
 * The two-writer log of requests. Everything a transaction decides is written at once: events, read
 * models, outbox, and what the caller wrote on the transaction's client.
 */
export class RequestLog {
  readonly #pool: Pool
  readonly #store: PgEventStore
  readonly #cache: StateCache
  readonly #snapshotEvery: number
  readonly #maxDecisions: number
  readonly #policy: Policy
  readonly #outbox: OutboxOptions
  readonly #around: Around

  constructor(options: RequestLogOptions) {
    this.#pool = options.pool
    this.#store = options.eventStore
    this.#cache = new StateCache(options.cacheSize ?? 10_000)
    this.#snapshotEvery = options.snapshotEvery ?? 64
    this.#maxDecisions = options.maxDecisions ?? 5
    this.#policy = options.policy ?? writersPolicy
    this.#outbox = {
      encode: options.encode,
      topicPrefix: options.topicPrefix ?? '',
      traceparent: options.traceparent ?? (() => null),
    }
    this.#around = options.around ?? ((_, work) => work())
  }

  /** States in memory, for a gauge. */
  get cachedStates(): number {
    return this.#cache.size
  }

  /** Forgets all states in memory: the database was replaced, and equal versions may be of another past. */
  forget(): void {
    this.#cache.clear()
  }

  /**
   * Locks the heads of `requestIds` in one order, loads their states, lets `work` decide, and
   * commits everything or nothing. When another writer was first, `work` runs again from the start
   * on a new transaction: it must not touch anything but `tx`.
   *
   * An error of the connection during COMMIT leaves open whether it was committed; rerunning with
   * the same commands is harmless, because duplicates decide to nothing.
   *
   * @throws what `work` throws; `VersionConflict` or PostgreSQL's 40001, 40P01, 55P03 once the bound is reached
   */
  transact<T>(requestIds: readonly string[], work: (tx: LogTransaction) => Promise<T>): Promise<T> {
    return this.#around(requestIds, () => this.#decided(requestIds, work))
  }

  async #decided<T>(requestIds: readonly string[], work: (tx: LogTransaction) => Promise<T>): Promise<T> {
    for (let decision = 1; ; decision++) {
      try {
        return await this.#once(requestIds, work)
      } catch (error) {
        // Whatever happened, what is in memory may not be what is in the log.
        this.#cache.drop(requestIds)
        if (!lostRace(error) || decision >= this.#maxDecisions) throw error
        await delay(Math.random() * 10 * 2 ** decision)
      }
    }
  }

  /** The state at this moment, for readers; takes no lock. Null when the request does not exist. */
  async read(requestId: string): Promise<RequestState | null> {
    return readState(this.#store, requestId)
  }

  async #once<T>(requestIds: readonly string[], work: (tx: LogTransaction) => Promise<T>): Promise<T> {
    let written: CollectingTransaction | undefined
    const result = await inTransaction(this.#pool, async (client) => {
      const heads = await this.#store.lockHeads(client, requestIds)
      const states = await loadStates(client, this.#store, this.#cache, heads)
      const tx = new CollectingTransaction(client, heads, states, this.#policy)
      const outcome = await work(tx)
      await this.#write(client, tx)
      written = tx
      return outcome
    })
    for (const { requestId, after } of written?.changes() ?? [])
      this.#cache.put(requestId, { version: after.version, state: after })
    return result
  }

  async #write(client: PoolClient, tx: CollectingTransaction): Promise<void> {
    const rows: OutboxRow[] = []
    const messages = [...tx.messages(), ...(await tombstoneMessages(client, tx.tombstones()))]
    for (const { publication, ceTime } of messages)
      rows.push(await outboxRow(publication, ceTime, this.#outbox))
    const appends = tx.appends()
    const changes = tx.changes()
    const snapshots = changes
      .filter(({ from, after }) => this.#passesSnapshot(from, after.version))
      .map(({ requestId, after }) => ({
        streamId: requestId,
        version: after.version,
        foldVersion: FOLD_VERSION,
        state: after,
      }))
    await backToBack(client, [
      ...(appends.length > 0 ? [() => this.#store.appendIn(client, appends)] : []),
      ...projectingAll(client, changes, this.#policy),
      ...counting(client, changes),
      () => this.#store.saveSnapshotsIn(client, snapshots),
      () => writeOutbox(client, rows),
    ])
  }

  #passesSnapshot(from: number, to: number): boolean {
    return Math.floor(to / this.#snapshotEvery) > Math.floor(from / this.#snapshotEvery)
  }
}

const LOST_RACE = new Set(['40001', '40P01', '55P03'])

function lostRace(error: unknown): boolean {
  if (error instanceof VersionConflict) return true
  return error instanceof Error && 'code' in error && LOST_RACE.has(String(error.code))
}
