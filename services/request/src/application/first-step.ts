import type { LogTransaction } from '@lethe/request-log'
import type { Pool } from 'pg'
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
      if (state === null || state.plan === null || entry === undefined || entry instanceof Error) continue
      if (resolution.kind === 'unreachable') blocked.set(requestId, 'unavailable')
      // Somebody else has come to share an identifier since: whom the selectors would hit is for a person.
      else if (resolution.kind === 'many') blocked.set(requestId, 'ambiguous_subject')
      else {
        const identifiers = merge(entry.identifiers, resolution.identifiers)
        const decision = tx.apply(
          requestId,
          {
            type: 'RecordResolution',
            found: countByType(identifiers),
            rounds: resolution.rounds,
            occasion: 'first_step',
          },
          now,
        )
        if (!decision.ok || identifiers.length === entry.identifiers.length) continue
        await this.vault.put(tx.client, [
          { requestId, systemId: wholePerson, identifiers },
          ...state.plan.systems.map(({ systemId }) => ({
            requestId,
            systemId,
            identifiers: this.maps.neededBy(systemId, identifiers),
          })),
        ])
        const digests = this.vault.digests(state.tenantId, identifiers)
        await this.vault.putDigests(tx.client, [{ tenantId: state.tenantId, requestId, digests }])
      }
    }
    return blocked
  }
}
