import type { RequestState } from '@lethe/domain'
import type { LogTransaction } from '@lethe/request-log'
import type { Pool } from 'pg'
import type { Identifier } from '../domain/identifier.js'
import { countByType, merge } from '../domain/person.js'
import { type Vault, wholePerson } from '../vault/vault.js'
import type { DataMaps } from './data-maps.js'
import type { IdentityResolution, Resolution } from './identity.js'

interface WaitingRequest {
  readonly request_id: string
  readonly tenant_id: string
  readonly subject_ref: string
  readonly received_at: string
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
    const people = await this.vault.open(tx.client, [...found.keys()], wholePerson)
    for (const [requestId, resolution] of found) {
      const state = tx.state(requestId)
      const entry = people.get(requestId)
      if (state === null || entry === undefined || entry instanceof Error) continue
      const code = await this.recordOne(tx, state, entry.identifiers, resolution, now)
      if (code !== null) blocked.set(requestId, code)
    }
    return blocked
  }

  private async recordOne(
    tx: LogTransaction,
    state: RequestState,
    known: readonly Identifier[],
    resolution: Resolution,
    now: number,
  ): Promise<string | null> {
    const { requestId, tenantId, plan } = state
    if (plan === null) return null
    if (resolution.kind === 'unreachable') return 'unavailable'
    const confirmed = state.approvals.some(({ reason }) => reason === 'identity')
    if (resolution.kind === 'many' && !confirmed) {
      // Somebody else has come to share an identifier since: whom the selectors would hit is for a person.
      const { candidates } = resolution
      tx.apply(requestId, { type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates }, now)
      return 'ambiguous_subject'
    }
    // Once an officer has confirmed who is meant, only what was known then counts.
    const identifiers = resolution.kind === 'many' ? known : merge(known, resolution.identifiers)
    const { rounds } = resolution
    const occasion = 'first_step'
    const found = countByType(identifiers)
    const decision = tx.apply(requestId, { type: 'RecordResolution', found, rounds, occasion }, now)
    if (!decision.ok || identifiers.length === known.length) return null
    await this.vault.put(tx.client, [
      { requestId, systemId: wholePerson, identifiers },
      ...plan.systems.map(({ systemId }) => ({
        requestId,
        systemId,
        identifiers: this.maps.neededBy(systemId, identifiers),
      })),
    ])
    const digests = this.vault.digests(tenantId, identifiers)
    await this.vault.putDigests(tx.client, [{ tenantId, requestId, digests }])
    return null
  }
}
