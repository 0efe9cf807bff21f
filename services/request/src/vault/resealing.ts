import type { RequestLog } from '@lethe/request-log'
import { TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Epochs } from './epochs.js'
import { type Needed, neededOf, neededRequests } from './needed.js'
import { type Vault, type VaultEntry, wholePerson } from './vault.js'

/** Requests per transaction: their streams are locked meanwhile. */
const batchSize = 100

export interface Resealed {
  readonly requests: number
  readonly entries: number
  readonly notes: number
  /** Requests with something needed that does not open; it stays where it is. */
  readonly unreadable: readonly string[]
  /** Give it back as `after` to go on; null when nothing is left. */
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
  ) {}

  /** All of it. @throws TerminalError `vault_epoch_current`: it would be sealed under the same key again */
  async reseal(epoch: string, actor: string): Promise<Omit<Resealed, 'next'>> {
    const total = { requests: 0, entries: 0, notes: 0, unreadable: [] as string[] }
    for (let after: string | null = ''; after !== null; ) {
      const batch: Resealed = await this.resealSome(epoch, actor, after)
      total.requests += batch.requests
      total.entries += batch.entries
      total.notes += batch.notes
      total.unreadable.push(...batch.unreadable)
      after = batch.next
    }
    return total
  }

  /** One batch, of the requests after `after` in id order. */
  async resealSome(epoch: string, actor: string, after = ''): Promise<Resealed> {
    if (this.epochs.current().epoch === epoch) throw isCurrent(epoch)
    const now = this.now()
    const ids = await neededRequests(this.pool, epoch, now, { after, limit: batchSize })
    if (ids.length === 0) return { requests: 0, entries: 0, notes: 0, unreadable: [], next: null }
    const moved = await this.log.transact(ids, async (tx) => {
      const needed = await neededOf(tx.client, epoch, now, ids)
      const read = { actor, purpose: 'reseal', at: now } as const
      const unreadable = new Set<string>()
      const entries: VaultEntry[] = []
      for (const [systemId, requestIds] of bySystem(needed)) {
        const opened = await this.vault.open(tx.client, requestIds, systemId, read)
        for (const [requestId, entry] of opened) {
          if (entry instanceof Error) unreadable.add(requestId)
          else if (entry.stored.epoch === epoch) entries.push(entry)
        }
      }
      const under = await this.vault.put(tx.client, entries)
      for (const [requestId, systemIds] of byRequest(entries))
        tx.apply(requestId, { type: 'Reseal', epoch: under, systemIds }, now)
      let notes = 0
      for (const note of needed.notes) {
        const text = await this.vault.readNote(tx.client, note.noteId, read).catch(() => null)
        if (text === null) unreadable.add(note.requestId)
        else {
          await this.vault.putNote(tx.client, { ...note, text })
          notes++
        }
      }
      const requests = new Set([...entries, ...needed.notes].map(({ requestId }) => requestId)).size
      return { requests, entries: entries.length, notes, unreadable: [...unreadable] }
    })
    return { ...moved, next: ids.length < batchSize ? null : (ids.at(-1) as string) }
  }
}

const isCurrent = (epoch: string): TerminalError =>
  new TerminalError('vault_epoch_current', `Epoch ${epoch} is the current one; make a new one first.`)

function bySystem({ entries }: Needed): ReadonlyMap<string, string[]> {
  const systems = new Map<string, string[]>()
  for (const { requestId, systemId } of entries)
    systems.set(systemId, [...(systems.get(systemId) ?? []), requestId])
  return systems
}

/** Systems by request; the whole person is no system and has no tombstone. */
function byRequest(entries: readonly VaultEntry[]): ReadonlyMap<string, string[]> {
  const requests = new Map<string, string[]>()
  for (const { requestId, systemId } of entries) {
    if (systemId === wholePerson) continue
    requests.set(requestId, [...(requests.get(requestId) ?? []), systemId])
  }
  return requests
}
