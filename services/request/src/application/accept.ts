import { randomUUID } from 'node:crypto'
import type { Plan } from '@lethe/data-map'
import type { RequestState } from '@lethe/domain'
import { backToBack, type LogTransaction, type RequestLog } from '@lethe/request-log'
import type { log } from '@lethe/schemas'
import { PausedError, type ProblemError, problem, spansAround } from '@lethe/service-host'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { Identifier } from '../domain/identifier.js'
import { idempotencyDigests } from '../vault/digest.js'
import type { Vault } from '../vault/vault.js'
import type { DataMaps } from './data-maps.js'
import { decided } from './decided.js'
import { lockDigests, markOf, openRequests } from './duplicates.js'
import { claimKeys, findKeys } from './idempotency.js'
import type { IdentityResolution, Resolution } from './identity.js'
import { type Planning, planningFor } from './planning.js'

/** What a caller asks for, checked and normalised. */
export interface NewRequest {
  readonly callerId: string
  readonly channel: log.Channel
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  readonly regime: string
  readonly ground: string
  readonly requesterRole: log.RequesterRole
  readonly identityMethod: string
  /** Epoch milliseconds. */
  readonly receivedAt: number
  readonly dueAt: number
  readonly graceUntil: number | null
  readonly approvalRequired: boolean
  readonly idempotencyKey: string
  readonly intakeKey: string | null
}

export type Accepted =
  | { readonly kind: 'created'; readonly state: RequestState }
  | { readonly kind: 'existing'; readonly requestId: string }
  | { readonly kind: 'refused'; readonly problem: ProblemError }

interface Draft {
  readonly asked: NewRequest
  readonly requestId: string
  /** Under every live pepper, newest last. */
  readonly keyDigests: readonly string[]
  readonly plan: Plan
}

interface Prepared extends Draft {
  readonly planning: Planning
  readonly digests: readonly string[]
}

/**
 * Accepts erasure requests, many at once: one resolution round trip per system and one transaction for all
 * of them. The same caller and key always lead to the same request; what is accepted is never lost.
 */
export class AcceptRequests {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    /** Null when decisions may rest on the database. */
    private readonly blocked: () => Promise<string | null>,
  ) {}

  /** One answer per item, in order. Throws when nothing of the batch was accepted. */
  async accept(items: readonly NewRequest[]): Promise<Accepted[]> {
    const drafts = items.map((asked) => this.draft(asked))
    const leaders = new Map<string, Draft>()
    for (const draft of drafts) {
      if ('plan' in draft && !leaders.has(keyOf(draft))) leaders.set(keyOf(draft), draft)
    }
    const answers = await this.acceptLeaders([...leaders.values()])
    const all = drafts.map((draft): Accepted => {
      if (!('plan' in draft)) return { kind: 'refused', problem: draft.problem }
      const answer = answers.get(keyOf(draft)) as Accepted
      const leads = leaders.get(keyOf(draft)) === draft
      if (leads || answer.kind !== 'created') return answer
      return { kind: 'existing', requestId: answer.state.requestId }
    })
    return this.refuseReusedKeys(items, all)
  }

  /** A key that comes back with another person is a caller's mistake, and that person must not be lost. */
  private async refuseReusedKeys(items: readonly NewRequest[], answers: Accepted[]): Promise<Accepted[]> {
    const ids = answers.flatMap((answer) => (answer.kind === 'existing' ? [answer.requestId] : []))
    if (ids.length === 0) return answers
    const known = await this.vault.digestsByRequest(this.pool, ids)
    return answers.map((answer, index) => {
      if (answer.kind !== 'existing') return answer
      const { tenantId, identifiers } = items[index] as NewRequest
      const digests = known.get(answer.requestId)
      const same =
        digests === undefined ||
        this.vault.digests(tenantId, identifiers).some((digest) => digests.has(digest))
      return same ? answer : { kind: 'refused', problem: keyReused() }
    })
  }

  private draft(asked: NewRequest): Draft | { readonly problem: ProblemError } {
    const unknown = this.maps.unknownTenant(asked.tenantId) ?? this.maps.unknownVendor(asked.identifiers)
    if (unknown !== null) return { problem: unknown }
    const plan = this.maps.plan(asked.tenantId)
    if (plan === 'unknown_tenant') {
      return { problem: problem('unknown_tenant', 'The data map holds another tenant. Check tenantId.') }
    }
    const keyDigests = idempotencyDigests(this.vault.peppers, asked.callerId, asked.idempotencyKey)
    return { asked, plan, keyDigests, requestId: uuidv7() }
  }

  private async acceptLeaders(drafts: readonly Draft[]): Promise<Map<string, Accepted>> {
    const answers = new Map<string, Accepted>()
    const known = await findKeys(this.pool, keysOf(drafts))
    for (const draft of drafts) {
      const requestId = existing(known, draft)
      if (requestId !== null) answers.set(keyOf(draft), { kind: 'existing', requestId })
    }
    const fresh = drafts.filter((draft) => !answers.has(keyOf(draft)))
    if (fresh.length === 0) return answers
    const ids = fresh.map(({ requestId }) => requestId)
    const recorded = await spansAround(
      'request.accept',
      () => ids.map((requestId) => ({ requestId })),
      async () => {
        const prepared = await this.prepare(fresh)
        return this.log.transact(ids, (tx) => this.record(tx, prepared))
      },
      { root: true },
    )
    for (const [key, answer] of recorded) answers.set(key, answer)
    return answers
  }

  private async prepare(drafts: readonly Draft[]): Promise<Prepared[]> {
    const { canonical } = this.maps.current.identifiers
    const subjects = drafts.map(({ requestId, asked: { tenantId, identifiers, receivedAt } }) => ({
      subjectRef: requestId,
      tenantId,
      identifiers,
      receivedAt,
    }))
    const resolutions = await this.identity.resolve(subjects, this.maps.resolvers(), canonical)
    return drafts.map((draft, index) => {
      const person = { requestId: draft.requestId, given: draft.asked.identifiers }
      const planning = planningFor(this.maps, draft.plan, person, resolutions[index] as Resolution)
      return { ...draft, planning, digests: this.vault.digests(draft.asked.tenantId, planning.known) }
    })
  }

  private async record(tx: LogTransaction, prepared: readonly Prepared[]): Promise<Map<string, Accepted>> {
    // Inside, because its connection may be a new one, to another database than the last.
    if ((await this.blocked()) !== null)
      throw new PausedError('lethe_restored', "Lethe's own database was restored; nothing is accepted.")
    const answers = new Map<string, Accepted>()
    const marks = prepared.map(({ asked, digests }) => ({ tenantId: asked.tenantId, digests }))
    // Each statement sees what was committed before it, so the questions are asked under the locks.
    const [, known, others] = await backToBack(tx.client, [
      () => lockDigests(tx.client, marks),
      () => findKeys(tx.client, keysOf(prepared)),
      () => openRequests(tx.client, marks),
    ])
    const open = new Map(others)
    const wanted: Prepared[] = []
    for (const draft of prepared) {
      const requestId = existing(known, draft)
      const other = requestId === null ? firstOpen(open, draft) : undefined
      if (requestId !== null) answers.set(keyOf(draft), { kind: 'existing', requestId })
      else if (other !== undefined) answers.set(keyOf(draft), duplicate(other))
      else {
        wanted.push(draft)
        for (const digest of draft.digests) open.set(markOf(draft.asked.tenantId, digest), [draft.requestId])
      }
    }
    const claimed = await claimKeys(tx.client, wanted.map(keyRow))
    const accepted = wanted.filter((draft) => claimed.has(keyRow(draft).digest))
    for (const draft of wanted) {
      // Only a caller that uses one key for two people at the same moment gets here.
      if (!accepted.includes(draft)) answers.set(keyOf(draft), { kind: 'refused', problem: keyReused() })
    }
    for (const draft of accepted) answers.set(keyOf(draft), { kind: 'created', state: receive(tx, draft) })
    const entries = accepted.flatMap(({ planning }) => planning.entries)
    const rows = accepted.map(({ asked, requestId, digests }) => {
      return { tenantId: asked.tenantId, requestId, digests }
    })
    await backToBack(tx.client, [
      () => this.vault.put(tx.client, entries),
      () => this.vault.putDigests(tx.client, rows),
    ])
    return answers
  }
}

const keyOf = (draft: Draft): string => markOf(draft.asked.tenantId, draft.keyDigests.at(-1) as string)

const keysOf = (drafts: readonly Draft[]): { tenantId: string; digests: readonly string[] }[] =>
  drafts.map(({ asked, keyDigests }) => ({ tenantId: asked.tenantId, digests: keyDigests }))

const keyRow = ({ asked, keyDigests, requestId }: Draft) => ({
  tenantId: asked.tenantId,
  digest: keyDigests.at(-1) as string,
  requestId,
})

function existing(known: ReadonlyMap<string, string>, draft: Draft): string | null {
  const digest = draft.keyDigests.find((candidate) => known.has(candidate))
  return digest === undefined ? null : (known.get(digest) as string)
}

function firstOpen(open: ReadonlyMap<string, readonly string[]>, draft: Prepared): string | undefined {
  for (const digest of draft.digests) {
    const requestId = open.get(markOf(draft.asked.tenantId, digest))?.[0]
    if (requestId !== undefined) return requestId
  }
  return undefined
}

const duplicate = (duplicateOf: string): Accepted => ({
  kind: 'refused',
  problem: problem(
    'duplicate_request',
    `Request ${duplicateOf} already erases this person. Follow that one, or cancel it first.`,
    { duplicateOf },
  ),
})

export const keyReused = (): ProblemError =>
  problem(
    'duplicate_request',
    'This Idempotency-Key was used for another person. Send this request with a key of its own.',
  )

function receive(tx: LogTransaction, { asked, requestId, planning }: Prepared): RequestState {
  const now = asked.receivedAt
  const received: log.RequestReceived = {
    requestId,
    tenantId: asked.tenantId,
    subjectRef: randomUUID(),
    regime: asked.regime,
    receivedAt: now,
    dueAt: asked.dueAt,
    channel: asked.channel,
    requesterRole: asked.requesterRole,
    requestedBy: asked.callerId,
    ground: asked.ground,
    graceUntil: asked.graceUntil,
    intakeKey: asked.intakeKey,
    approvalRequired: asked.approvalRequired,
    recurEvery: null,
  }
  const identity: log.IdentityAttested = { method: asked.identityMethod, by: asked.callerId, at: now }
  decided(tx.apply(requestId, { type: 'Receive', received, identity }, now))
  for (const command of planning.commands) decided(tx.apply(requestId, command, now))
  const state = tx.state(requestId)
  if (state === null) throw new Error('a request that was just received has no state')
  return state
}
