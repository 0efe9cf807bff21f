import {
  type Decision,
  decide,
  fold,
  type Policy,
  publications,
  type RequestCommand,
  type RequestEvent,
  type RequestState,
} from '@lethe/domain'
import type { StreamAppend } from '@lethe/event-store'
import type { PoolClient } from 'pg'
import { LogCorrupt } from './loader.js'
import type { OutboxMessage } from './outbox/outbox-row.js'
import type { WrittenTombstone } from './outbox/tombstone-messages.js'

/** What `RequestLog.transact` gives to its caller. Valid until the caller's function returns. */
export interface LogTransaction {
  /** The open transaction. What is written here commits or vanishes with the events. */
  readonly client: PoolClient
  /** The state after everything applied so far; null when the request does not exist. */
  state(requestId: string): RequestState | null
  /**
   * Decides and, when the answer is yes, evolves in memory. Nothing is written before the caller's
   * function returns. A duplicate command is `ok` with no events.
   *
   * @param now epoch milliseconds
   */
  apply(requestId: string, command: RequestCommand, now: number): Decision
  /**
   * One more message for the outbox, besides those that follow from the events.
   *
   * @param ceTime epoch milliseconds
   */
  publish(publication: OutboxMessage, ceTime: number): void
}

/** One stream inside a transaction. */
interface Touched {
  readonly before: RequestState | null
  readonly version: number
  state: RequestState | null
  readonly events: RequestEvent[]
  /** The newest `now` a command was applied with; epoch milliseconds. */
  decidedAt: number
}

/** A message and the moment it speaks of, epoch milliseconds. */
export interface Dated {
  readonly publication: OutboxMessage
  readonly ceTime: number
}

/** Collects what commands decide; knows nothing of how it is written. */
export class CollectingTransaction implements LogTransaction {
  readonly #touched = new Map<string, Touched>()
  readonly #extra: Dated[] = []

  constructor(
    readonly client: PoolClient,
    heads: ReadonlyMap<string, number>,
    states: ReadonlyMap<string, RequestState | null>,
    private readonly policy: Policy,
  ) {
    for (const [requestId, version] of heads) {
      const state = states.get(requestId) ?? null
      this.#touched.set(requestId, { before: state, version, state, events: [], decidedAt: 0 })
    }
  }

  state(requestId: string): RequestState | null {
    return this.#of(requestId).state
  }

  apply(requestId: string, command: RequestCommand, now: number): Decision {
    const touched = this.#of(requestId)
    const decision = decide(touched.state, command, now, this.policy)
    if (!decision.ok || decision.events.length === 0) return decision
    const state = fold(decision.events, touched.state)
    const version = touched.version + touched.events.length + decision.events.length
    if (state?.requestId !== requestId) throw new LogCorrupt(requestId, 'its events are of another request')
    if (state.version !== version)
      throw new LogCorrupt(requestId, `the fold counts ${state.version} events, the log ${version}`)
    touched.state = state
    touched.events.push(...decision.events)
    touched.decidedAt = Math.max(touched.decidedAt, now)
    return decision
  }

  publish(publication: OutboxMessage, ceTime: number): void {
    this.#extra.push({ publication, ceTime })
  }

  /** The streams that got events. */
  changes(): { requestId: string; before: RequestState | null; after: RequestState; from: number }[] {
    return [...this.#touched].flatMap(([requestId, { before, state, events, version }]) =>
      events.length > 0 && state !== null ? [{ requestId, before, after: state, from: version }] : [],
    )
  }

  appends(): StreamAppend[] {
    return [...this.#touched].flatMap(([streamId, { version, events }]) =>
      events.length > 0 ? [{ streamId, expectedVersion: version, events }] : [],
    )
  }

  /**
   * Asked once per stream and transaction, so that everything that became runnable in it goes out in
   * one message.
   */
  messages(): Dated[] {
    const derived = [...this.#touched.values()].flatMap(({ before, state, events, decidedAt }) =>
      events.length > 0 && state !== null
        ? publications(before, events, state).map((publication) => ({ publication, ceTime: decidedAt }))
        : [],
    )
    return [...derived, ...this.#extra]
  }

  /** Tombstones written or collected here, each stream's in the order they were. */
  tombstones(): WrittenTombstone[] {
    return [...this.#touched.values()].flatMap(({ state, events, decidedAt }) =>
      events.flatMap((event) =>
        (event.type === 'TombstoneWritten' || event.type === 'TombstoneCollected') && state !== null
          ? [{ state, tombstone: event.data, at: decidedAt }]
          : [],
      ),
    )
  }

  #of(requestId: string): Touched {
    const touched = this.#touched.get(requestId)
    if (!touched) throw new TypeError(`request ${requestId} is not locked by this transaction`)
    return touched
  }
}
