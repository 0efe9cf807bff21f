import { randomUUID } from 'node:crypto'
import type { Plan } from '@lethe/data-map'
import { longestKeepMs, normaliseIdentifier, type Policy } from '@lethe/domain'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import type { log } from '@lethe/schemas'
import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { Identifier } from '../domain/identifier.js'
import { type Caller, inScope, may } from '../domain/permissions.js'
import { merge } from '../domain/person.js'
import { idempotencyDigests } from '../vault/digest.js'
import type { Vault } from '../vault/vault.js'
import { forbidden } from './access.js'
import { auditImport } from './audit.js'
import type { DataMaps } from './data-maps.js'
import { decided } from './decided.js'
import { lockDigests, markOf, openRequests } from './duplicates.js'
import { claimKeys, findKeys } from './idempotency.js'
import { sealedApart } from './planning.js'

/** One person of a file, with its shape already checked. */
export interface ImportLine {
  readonly line: number
  readonly tenantId: string
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
  /** Epoch milliseconds. */
  readonly erasedAt: number
  readonly systems?: readonly string[] | undefined
}

/** Why a line can not be imported; names the line and the rule, nobody's identifier. */
export interface BadLine {
  readonly line: number
  readonly code: string
  readonly detail: string
}

export interface Imported {
  /** People there are tombstones of since this call; of a dry run, that there would be. */
  readonly imported: number
  /** The same line was imported before. */
  readonly already: number
  /** Every backup that could hold them has expired, so there is nothing to keep away. */
  readonly expired: number
  readonly bad: readonly BadLine[]
}

/** In the place of a caller: what a line says counts, whoever says it. */
const EVERYBODY = '@tombstone-import'

interface Draft {
  readonly line: number
  readonly requestId: string
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  readonly erasedAt: number
  readonly plan: Plan
  /** Systems with a backup that can still hold the person, and until when their tombstone lives. */
  readonly until: ReadonlyMap<string, number>
  /** What the person can be found by, and what the line says, each under every live pepper. */
  readonly digests: readonly string[]
  readonly content: readonly string[]
}

export interface ImportParts {
  readonly pool: Pool
  readonly log: RequestLog
  readonly vault: Vault
  readonly maps: DataMaps
  readonly policy: Pick<Policy, 'tombstoneMarginMs'>
  /** Null when decisions may rest on the database. */
  readonly blocked: () => Promise<string | null>
  readonly now?: () => number
}

/**
 * Tombstones of people who were erased before Lethe, or without it, so that no restore brings them back. Idempotent by
 * what a line says. A call is one transaction: all of it is there afterwards, or nothing.
 */
export class ImportTombstones {
  private readonly now: () => number

  constructor(private readonly parts: ImportParts) {
    this.now = parts.now ?? Date.now
  }

  /** @throws ProblemError `forbidden`; `unavailable` while Lethe's own database is an older copy */
  async import(
    caller: Caller,
    asked: { readonly lines: readonly ImportLine[]; readonly dryRun: boolean; readonly skipBad: boolean },
  ): Promise<Imported> {
    const { pool, log } = this.parts
    if (!may(caller, 'import_tombstones')) throw forbidden('import_tombstones')
    await this.assertTrusted()
    const at = this.now()
    const checked = asked.lines.map((line) => this.draft(caller, line, at))
    const drafts = checked.filter((one): one is Draft => one !== null && 'requestId' in one)
    const bad = checked.filter((one): one is BadLine => one !== null && 'code' in one)
    const expired = checked.length - drafts.length - bad.length
    const before = { bad, expired }
    if (asked.dryRun || (bad.length > 0 && !asked.skipBad)) {
      const sorted = await this.sorted(pool, drafts)
      const answer = answerOf(before, sorted, asked.dryRun)
      if (asked.dryRun) await auditImport(pool, { at, credentialId: caller.id, dryRun: true, ...answer })
      return answer
    }
    return log.transact(
      drafts.map(({ requestId }) => requestId),
      async (tx) => {
        // Inside, because its connection may be a new one, to another database than the last.
        await this.assertTrusted()
        await lockDigests(tx.client, drafts)
        const sorted = await this.sorted(tx.client, drafts)
        const writes = sorted.bad.length === 0 || asked.skipBad
        if (writes) await this.write(tx, caller, sorted.fresh, at)
        const answer = answerOf(before, sorted, writes)
        await auditImport(tx.client, { at, credentialId: caller.id, dryRun: false, ...answer })
        return answer
      },
    )
  }

  private async assertTrusted(): Promise<void> {
    if ((await this.parts.blocked()) !== null)
      throw problem('unavailable', "Lethe's own database was restored; run: lethe restore self", {
        cause: 'lethe_restored',
      })
  }

  /** What is new among them; a person who stands in two lines that say the same is new once. */
  private async sorted(db: Parameters<typeof findKeys>[0], drafts: readonly Draft[]): Promise<Sorted> {
    const marks = drafts.map(({ tenantId, digests }) => ({ tenantId, digests }))
    const known = await findKeys(
      db,
      drafts.map(({ tenantId, content }) => ({ tenantId, digests: content })),
    )
    const open = await openRequests(db, marks)
    const fresh = new Map<string, Draft>()
    const bad: BadLine[] = []
    let already = 0
    for (const draft of drafts) {
      const content = markOf(draft.tenantId, draft.content.at(-1) ?? '')
      const other = draft.digests.flatMap((digest) => open.get(markOf(draft.tenantId, digest)) ?? [])[0]
      if (draft.content.some((digest) => known.has(digest)) || fresh.has(content)) already++
      else if (other === undefined) fresh.set(content, draft)
      else bad.push({ line: draft.line, ...underWay(other) })
    }
    return { fresh: [...fresh.values()], already, bad }
  }

  private async write(
    tx: LogTransaction,
    caller: Caller,
    fresh: readonly Draft[],
    at: number,
  ): Promise<void> {
    const { vault, maps } = this.parts
    const rows = fresh.map(({ tenantId, requestId, content, digests }) => ({
      tenantId,
      requestId,
      digests,
      digest: content.at(-1) ?? '',
    }))
    const claimed = await claimKeys(tx.client, rows)
    // The locks on the digests are the same for whoever says the same, so nobody can have been faster.
    if (claimed.size !== rows.length)
      throw problem('unavailable', 'The same lines are being imported; try again.')
    const entries = fresh.flatMap(({ requestId, identifiers, plan, until }) => {
      const systems = plan.systems.filter(({ systemId }) => until.has(systemId))
      return sealedApart(maps, { requestId, plan: { systems } }, identifiers)
    })
    const epoch = await vault.put(tx.client, entries)
    await vault.putDigests(tx.client, rows)
    for (const draft of fresh) {
      const { requestId, erasedAt, plan, until } = draft
      const tombstones = [...until].map(([systemId, expiresAt]) => ({
        // In order of time: a replay under way has yet to read them.
        tombstoneId: uuidv7(),
        systemId,
        epoch,
        mapVersion: plan.mapVersion,
        expiresAt,
      }))
      const received = receivedOf(draft, caller)
      decided(tx.apply(requestId, { type: 'Import', received, by: caller.id, erasedAt, tombstones }, at))
    }
  }

  private draft(caller: Caller, given: ImportLine, now: number): Draft | BadLine | null {
    const { maps, vault, policy } = this.parts
    const { line, tenantId, erasedAt } = given
    const bad = (code: string, detail: string): BadLine => ({ line, code, detail })
    const plan = inScope(caller, tenantId) ? maps.plan(tenantId) : 'unknown_tenant'
    if (plan === 'unknown_tenant' || maps.unknownTenant(tenantId) !== null)
      return bad('unknown_tenant', 'names no tenant of your credential and the data map')
    if (erasedAt > now) return bad('invalid_date', 'says that somebody was erased in the future')
    const read = normalisedOf(given)
    if ('rule' in read) return bad('invalid_identifier', read.rule)
    const { identifiers } = read
    if (maps.unknownVendor(identifiers) !== null)
      return bad('invalid_identifier', 'has an identifier of a vendor the data map does not know')
    const wanted = new Set(given.systems ?? plan.systems.map(({ systemId }) => systemId))
    const systems = plan.systems.filter(({ systemId }) => wanted.has(systemId))
    const unknown = [...wanted].find((name) => !systems.some(({ systemId }) => systemId === name))
    if (unknown !== undefined)
      return bad('unknown_system', 'names a system the data map does not have, or where it holds nobody')
    const blind = systems.find(({ systemId }) => maps.neededBy(systemId, identifiers).length === 0)
    if (blind !== undefined)
      return bad(
        'no_identifier',
        `has no identifier that ${blind.systemId} knows people by; add one, or say which systems are meant`,
      )
    const until = new Map(
      systems
        .map(
          (system) => [system.systemId, erasedAt + longestKeepMs(system) + policy.tombstoneMarginMs] as const,
        )
        .filter(([, expiresAt]) => expiresAt > now),
    )
    if (until.size === 0) return null
    const said = JSON.stringify([
      erasedAt,
      [...wanted].sort(),
      identifiers.map(({ type, value }) => JSON.stringify([type, value])).sort(),
    ])
    return {
      line,
      requestId: uuidv7(),
      tenantId,
      identifiers,
      erasedAt,
      plan,
      until,
      digests: vault.digests(tenantId, identifiers),
      content: idempotencyDigests(vault.peppers, EVERYBODY, `${tenantId} ${said}`),
    }
  }
}

interface Sorted {
  readonly fresh: readonly Draft[]
  readonly already: number
  readonly bad: readonly BadLine[]
}

/** `counts`: what is new was imported, or would be. */
const answerOf = (
  { bad, expired }: Pick<Imported, 'bad' | 'expired'>,
  sorted: Sorted,
  counts: boolean,
): Imported => ({
  imported: counts ? sorted.fresh.length : 0,
  already: sorted.already,
  expired,
  bad: [...bad, ...sorted.bad].sort((a, b) => a.line - b.line),
})

/** Erasing twice would be harmless, a hold of that request would not know of this tombstone. */
const underWay = (requestId: string): Omit<BadLine, 'line'> => ({
  code: 'under_way',
  detail: `is somebody whom request ${requestId} has not erased yet; that one writes its own tombstones`,
})

function normalisedOf({ identifiers }: ImportLine): { identifiers: Identifier[] } | { rule: string } {
  const read: Identifier[] = []
  for (const { type, value } of identifiers) {
    const result = normaliseIdentifier({ type, value })
    if (!result.ok) return { rule: `${type}: ${result.detail}` }
    read.push({ type: type as Identifier['type'], value: result.value })
  }
  return { identifiers: merge([], read) }
}

/** When it was received is when the person was erased: who signed up after that is somebody else. */
const receivedOf = (draft: Draft, caller: Caller): log.RequestReceived => ({
  requestId: draft.requestId,
  tenantId: draft.tenantId,
  subjectRef: randomUUID(),
  regime: 'gdpr',
  receivedAt: draft.erasedAt,
  dueAt: draft.erasedAt,
  channel: 'http',
  requesterRole: 'automated',
  requestedBy: caller.id,
  ground: '17(1)(a)',
  graceUntil: null,
  intakeKey: null,
  approvalRequired: false,
  recurEvery: null,
})
