import type { RequestState } from '@lethe/domain'
import type { LogTransaction } from '@lethe/request-log'
import type { Pool } from 'pg'
import type { Identifier } from '../domain/identifier.js'
import { countByType, merge } from '../domain/person.js'
import { type Vault, wholePerson } from '../vault/vault.js'
import type { DataMaps } from './data-maps.js'
import { lockDigests } from './duplicates.js'
import type { IdentityResolution, Resolution } from './identity.js'
import { sealedApart } from './planning.js'

interface WaitingRequest {
  readonly request_id: string
  readonly tenant_id: string
  readonly subject_ref: string
  readonly received_at: string
}

interface Learned {
  readonly state: RequestState
  readonly identifiers: readonly Identifier[]
  /** There is something that the vault does not hold yet. */
  readonly more: boolean
}

/**
 * Identity is resolved once more when a request's first step starts: in a grace period of days a person can
 * have got another e-mail address or a vendor's id. What is found is added, never taken away.
 */
export class FirstStep {
  constructor(
    private readonly pool: Pool,
    private readonly vault: Vault,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    /** Milliseconds a resolution counts as fresh: a request without a grace period was resolved just now. */
    private readonly freshForMs: number,
  ) {}

  /** Asks the probes, outside any transaction. Requests that had a grant or a fresh resolution are absent. */
  async resolve(ids: readonly string[], now: number): Promise<ReadonlyMap<string, Resolution>> {
    if (this.maps.resolvers().length === 0) return new Map()
    const waiting = await this.waiting(ids, now)
    if (waiting.length === 0) return new Map()
    const people = await this.vault.open(
      this.pool,
      waiting.map((row) => row.request_id),
      wholePerson,
      reading(now),
    )
    const asked = waiting.flatMap((row) => {
      const entry = people.get(row.request_id)
      return entry === undefined || entry instanceof Error ? [] : [{ row, identifiers: entry.identifiers }]
    })
    const resolutions = await this.identity.resolve(
      asked.map(({ row, identifiers }) => ({
        subjectRef: row.subject_ref,
        tenantId: row.tenant_id,
        identifiers,
        receivedAt: Number(row.received_at),
      })),
      this.maps.resolvers(),
      this.maps.current.identifiers.canonical,
    )
    return new Map(asked.map(({ row }, index) => [row.request_id, resolutions[index] as Resolution]))
  }

  private async waiting(ids: readonly string[], now: number): Promise<WaitingRequest[]> {
    const { rows } = await this.pool.query<WaitingRequest>({
      name: 'first-step-waiting',
      text: `SELECT request_id, tenant_id, subject_ref, received_at FROM read_model.requests r
             WHERE request_id = ANY($1::text[]) AND first_grant_at IS NULL AND NOT EXISTS (
               SELECT FROM events.events e WHERE e.stream_id = r.request_id
               AND e.type = 'IdentifiersResolved' AND (e.data->>'at')::bigint > $2)`,
      values: [ids, now - this.freshForMs],
    })
    return rows
  }

  /** Adds what was found. @returns per request that may not start yet the code that says why */
  async record(
    tx: LogTransaction,
    found: ReadonlyMap<string, Resolution>,
    now: number,
  ): Promise<ReadonlyMap<string, string>> {
    const blocked = new Map<string, string>()
    if (found.size === 0) return blocked
    const people = await this.vault.open(tx.client, [...found.keys()], wholePerson, reading(now))
    const learned: Learned[] = []
    for (const [requestId, resolution] of found) {
      const state = tx.state(requestId)
      const entry = people.get(requestId)
      if (!state?.plan || standsStill.has(state.status)) continue
      if (entry === undefined || entry instanceof Error) continue
      const code = this.blocks(tx, state, resolution, now)
      if (code === null) learned.push(this.learned(tx, state, entry.identifiers, resolution, now))
      else blocked.set(requestId, code)
    }
    await this.keep(
      tx,
      learned.filter(({ more }) => more),
    )
    return blocked
  }

  private blocks(
    tx: LogTransaction,
    state: RequestState,
    resolution: Resolution,
    now: number,
  ): string | null {
    if (resolution.kind === 'unreachable') return 'unavailable'
    if (resolution.kind !== 'many' || isConfirmed(state)) return null
    // Somebody else has come to share an identifier since: whom the selectors would hit is for a person.
    const { candidates } = resolution
    tx.apply(state.requestId, { type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates }, now)
    return 'ambiguous_subject'
  }

  private learned(
    tx: LogTransaction,
    state: RequestState,
    known: readonly Identifier[],
    resolution: Resolution,
    now: number,
  ): Learned {
    if (resolution.kind === 'unreachable') return { state, identifiers: known, more: false }
    // Once an officer has confirmed who is meant, only what was known then counts.
    const identifiers = resolution.kind === 'many' ? known : merge(known, resolution.identifiers)
    const { rounds } = resolution
    const found = countByType(identifiers)
    const command = { type: 'RecordResolution', found, rounds, occasion: 'first_step' } as const
    const { ok } = tx.apply(state.requestId, command, now)
    return { state, identifiers, more: ok && identifiers.length > known.length }
  }

  /** The locks are taken at once and first: a request for the same person that arrives now sees the digests. */
  private async keep(tx: LogTransaction, learned: readonly Learned[]): Promise<void> {
    if (learned.length === 0) return
    const marks = learned.map(({ state: { requestId, tenantId }, identifiers }) => ({
      requestId,
      tenantId,
      digests: this.vault.digests(tenantId, identifiers),
    }))
    await lockDigests(tx.client, marks)
    await this.vault.put(
      tx.client,
      learned.flatMap(({ state, identifiers }) => sealedApart(this.maps, state, identifiers)),
    )
    await this.vault.putDigests(tx.client, marks)
  }
}

/** No step can start now, so whoever asks, with a forged command perhaps, changes nothing. */
const standsStill: ReadonlySet<RequestState['status']> = new Set([
  'SCHEDULED',
  'AWAITING_APPROVAL',
  'ON_HOLD',
  'COMPLETED',
  'REFUSED',
  'CANCELLED',
])

const reading = (at: number) => ({ actor: 'request', purpose: 'first_step', at }) as const

const isConfirmed = (state: RequestState): boolean =>
  state.approvals.some(({ reason }) => reason === 'identity')
