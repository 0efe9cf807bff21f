import type { LogTransaction, RequestLog } from '@lethe/request-log'
import type { Logger } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Identifier } from '../domain/identifier.js'
import { type Vault, wholePerson } from '../vault/vault.js'
import type { DataMaps } from './data-maps.js'
import { decided } from './decided.js'
import { lockDigests, openRequests } from './duplicates.js'
import type { IdentityResolution, Resolution } from './identity.js'
import { type Planning, planningFor } from './planning.js'

interface PendingRequest {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  readonly receivedAt: number
  readonly given: readonly Identifier[]
}

interface Prepared {
  readonly requestId: string
  readonly tenantId: string
  readonly planning: Planning
  readonly digests: readonly string[]
  /** An officer approved the identity. */
  readonly confirmed: boolean
}

const batchSize = 200

/** Unreadable requests that are remembered as told; beyond it they are told again. */
const rememberedAtMost = 10_000

/** Requests accepted while a probe was unreachable get their plan once it is back. */
export class PendingRequests {
  /** Where the last batch ended; null to begin with the oldest. */
  private after: readonly [receivedAt: string, requestId: string] | null = null
  private readonly told = new Set<string>()

  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    private readonly logger: Pick<Logger, 'error'>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Resolves one batch: the oldest first, then those after them, and so on round, so that what can't be
   * planned keeps nobody else waiting. Safe beside another process. @returns how many were planned
   */
  async resolveSome(): Promise<number> {
    const pending = await this.load()
    if (pending.length === 0) return 0
    const resolutions = await this.identity.resolve(
      pending.map(({ subjectRef, tenantId, receivedAt, given }) => ({
        subjectRef,
        tenantId,
        receivedAt,
        identifiers: given,
      })),
      this.maps.resolvers(),
      this.maps.current.identifiers.canonical,
    )
    const answered = pending.flatMap((request, index) => {
      const resolution = resolutions[index]
      return resolution === undefined || resolution.kind === 'unreachable' ? [] : [{ request, resolution }]
    })
    if (answered.length === 0) return 0
    const ids = answered.map(({ request }) => request.requestId)
    return this.log.transact(ids, async (tx) => {
      const prepared = answered.flatMap(({ request, resolution }) => this.prepare(tx, request, resolution))
      await lockDigests(tx.client, prepared)
      let planned = 0
      for (const one of prepared) if (await this.record(tx, one)) planned++
      return planned
    })
  }

  private async load(): Promise<PendingRequest[]> {
    const { rows } = await this.pool.query<{
      request_id: string
      tenant_id: string
      subject_ref: string
      received_at: string
    }>(
      `SELECT request_id, tenant_id, subject_ref, received_at FROM read_model.requests
       WHERE status = 'PENDING' AND map_version IS NULL
         AND ($2::bigint IS NULL OR (received_at, request_id) > ($2, $3::text))
       ORDER BY received_at, request_id LIMIT $1`,
      [batchSize, this.after?.[0] ?? null, this.after?.[1] ?? null],
    )
    const last = rows.length < batchSize ? undefined : rows.at(-1)
    this.after = last === undefined ? null : [last.received_at, last.request_id]
    if (rows.length === 0) return []
    const people = await this.vault.open(
      this.pool,
      rows.map((row) => row.request_id),
      wholePerson,
      { actor: 'request', purpose: 'resolve', at: this.now() },
    )
    this.tell(rows.map((row) => row.request_id).filter((id) => !('identifiers' in (people.get(id) ?? {}))))
    return rows.flatMap((row) => {
      const entry = people.get(row.request_id)
      if (entry === undefined || entry instanceof Error) return []
      return [
        {
          requestId: row.request_id,
          tenantId: row.tenant_id,
          subjectRef: row.subject_ref,
          receivedAt: Number(row.received_at),
          given: entry.identifiers,
        },
      ]
    })
  }

  /** Says once which requests can't be planned: their key is destroyed, or their entry altered or gone. */
  private tell(unreadable: readonly string[]): void {
    const requestIds = unreadable.filter((id) => !this.told.has(id))
    if (requestIds.length === 0) return
    if (this.told.size + requestIds.length > rememberedAtMost) this.told.clear()
    for (const id of requestIds) this.told.add(id)
    this.logger.error({ requestIds }, 'requests wait for a plan, but their vault entries do not open')
  }

  private prepare(tx: LogTransaction, request: PendingRequest, resolution: Resolution): Prepared[] {
    const { requestId, tenantId, given } = request
    const state = tx.state(requestId)
    const plan = this.maps.plan(tenantId)
    if (state === null || state.status !== 'PENDING' || state.plan !== null || plan === 'unknown_tenant') {
      return []
    }
    // A person looked already, and said that these identifiers are the ones that are meant: whoever else
    // shares one of them does not open the question again, and nothing found by it is taken.
    const confirmed = state.approvals.some(({ reason }) => reason === 'identity')
    const settled: Resolution =
      confirmed && (resolution.kind === 'nobody' || resolution.kind === 'many')
        ? { kind: 'one', identifiers: given, rounds: resolution.rounds }
        : resolution
    const planning = planningFor(this.maps, plan, { requestId, given }, settled)
    const digests = this.vault.digests(tenantId, planning.known)
    return [{ requestId, tenantId, planning, digests, confirmed }]
  }

  private async record(tx: LogTransaction, prepared: Prepared): Promise<boolean> {
    const { requestId, tenantId, planning, digests } = prepared
    const now = this.now()
    const open = await openRequests(tx.client, [prepared])
    const others = new Set([...open.values()].flat().filter((other) => other !== requestId))
    if (others.size > 0 && !prepared.confirmed) {
      // Two requests for one person came by different identifiers while nobody could tell.
      const code = 'duplicate_request'
      decided(tx.apply(requestId, { type: 'OpenIdentityReview', code, candidates: 1 }, now))
      return false
    }
    for (const command of planning.commands) decided(tx.apply(requestId, command, now))
    await this.vault.put(tx.client, planning.entries)
    await this.vault.putDigests(tx.client, [{ tenantId, requestId, digests }])
    return true
  }
}
