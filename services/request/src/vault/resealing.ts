import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { problem, TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Epochs } from './epochs.js'
import { type Needed, neededOf, neededRequests, type OfSystem } from './needed.js'
import { type Vault, type VaultEntry, wholePerson } from './vault.js'

export interface Resealed {
  readonly requests: number
  readonly entries: number
  readonly notes: number
  /** Requests with something needed that does not open; it stays where it is. */
  readonly unreadable: readonly string[]
}

/** One batch; `next` is given back as `after` to go on, null when nothing is left. */
export interface ResealedBatch extends Resealed {
  readonly next: string | null
}

/**
 * Moves what is still needed from one epoch to the current one. Each batch is one transaction with the
 * tombstones that carry the new bytes, so a crash leaves each request in the old epoch or in the new one;
 * running again goes on with what is left. Safe beside another process and beside traffic.
 */
export class Resealing {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly epochs: Epochs,
    private readonly now: () => number = Date.now,
    /** Requests per transaction: their streams are locked meanwhile. */
    private readonly batchSize: number = 100,
  ) {}

  /** All of it. @throws ProblemError `not_found`; `illegal_transition` for the epoch sealing goes on under */
  async reseal(epoch: string, actor: string): Promise<Resealed> {
    if (this.epochs.known(epoch) === null) throw problem('not_found', `The vault has no epoch ${epoch}.`)
    const total = { requests: 0, entries: 0, notes: 0, unreadable: [] as string[] }
    for (let after: string | null = ''; after !== null; ) {
      const batch: ResealedBatch = await this.resealSome(epoch, actor, after)
      total.requests += batch.requests
      total.entries += batch.entries
      total.notes += batch.notes
      total.unreadable.push(...batch.unreadable)
      after = batch.next
    }
    return total
  }

  /** One batch, of the requests after `after` in id order. */
  async resealSome(epoch: string, actor: string, after = ''): Promise<ResealedBatch> {
    if (this.epochs.current().epoch === epoch) {
      throw problem('illegal_transition', `Epoch ${epoch} is the current one. Rotate first.`)
    }
    const now = this.now()
    const ids = await neededRequests(this.pool, epoch, now, { after, limit: this.batchSize })
    if (ids.length === 0) return { requests: 0, entries: 0, notes: 0, unreadable: [], next: null }
    const next = ids.length < this.batchSize ? null : (ids.at(-1) as string)
    const moved = await this.log.transact(ids, (tx) => this.move(tx, { epoch, actor, ids, now }))
    return { ...moved, next }
  }

  private async move(tx: LogTransaction, move: Move): Promise<Resealed> {
    const needed = await neededOf(tx.client, move.epoch, move.now, move.ids)
    const unreadable = new Set<string>()
    const entries = await this.opened(tx, needed, move, unreadable)
    const under = await this.vault.put(tx.client, entries)
    for (const [requestId, systemIds] of systemsByRequest(entries))
      tx.apply(requestId, { type: 'Reseal', epoch: under, systemIds }, move.now)
    const notes = await this.notes(tx, needed, move, unreadable)
    const requests = new Set([...entries, ...notes].map(({ requestId }) => requestId)).size
    return { requests, entries: entries.length, notes: notes.length, unreadable: [...unreadable] }
  }

  private async opened(
    tx: LogTransaction,
    { entries, tombstones }: Needed,
    { actor, now }: Move,
    unreadable: Set<string>,
  ): Promise<VaultEntry[]> {
    const opened: VaultEntry[] = []
    for (const [systemId, requestIds] of requestsBySystem([...entries, ...tombstones])) {
      const found = await this.vault.open(tx.client, requestIds, systemId, {
        actor,
        purpose: 'reseal',
        at: now,
      })
      for (const requestId of requestIds) {
        const entry = found.get(requestId)
        if (entry === undefined || entry instanceof Error) unreadable.add(requestId)
        else opened.push(entry)
      }
    }
    return opened
  }

  private async notes(
    tx: LogTransaction,
    { notes }: Needed,
    { actor, now }: Move,
    unreadable: Set<string>,
  ): Promise<Needed['notes']> {
    const moved: Needed['notes'][number][] = []
    for (const note of notes) {
      const text = await this.vault
        .readNote(tx.client, note.noteId, { actor, purpose: 'reseal', at: now })
        .catch((error: unknown) => {
          if (error instanceof TerminalError) return null
          throw error
        })
      if (text === null) unreadable.add(note.requestId)
      else {
        await this.vault.putNote(tx.client, { ...note, text })
        moved.push(note)
      }
    }
    return moved
  }
}

interface Move {
  readonly epoch: string
  readonly actor: string
  readonly ids: readonly string[]
  readonly now: number
}

function requestsBySystem(rows: readonly OfSystem[]): ReadonlyMap<string, string[]> {
  const systems = new Map<string, Set<string>>()
  for (const { requestId, systemId } of rows)
    systems.set(systemId, (systems.get(systemId) ?? new Set()).add(requestId))
  return new Map([...systems].map(([systemId, requestIds]) => [systemId, [...requestIds]]))
}

/** The whole person is no system and has no tombstone. */
function systemsByRequest(entries: readonly VaultEntry[]): ReadonlyMap<string, string[]> {
  const requests = new Map<string, string[]>()
  for (const { requestId, systemId } of entries) {
    if (systemId === wholePerson) continue
    requests.set(requestId, [...(requests.get(requestId) ?? []), systemId])
  }
  return requests
}
