import { type TombstoneRow, tombstonesWithDigests } from '@lethe/request-log'
import { problem, TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Subject } from '../domain/identifier.js'
import { type Caller, may } from '../domain/permissions.js'
import type { Pepper } from '../vault/digest.js'
import type { Vault } from '../vault/vault.js'
import { auditTombstones } from './audit.js'
import { type RecoveredTombstone, withRecovered } from './recovered-tombstones.js'
import { beginPage } from './replay-pages.js'

export interface TombstoneQuestion {
  readonly systemId: string
  /** The restore or sweep that reads; stands in the audit. */
  readonly reason: string
  /** Id of the last tombstone already had; empty for the first page. */
  readonly after: string
  readonly limit: number
}

/** One live tombstone with what its system needs to find the person. */
export interface LiveTombstone {
  readonly tombstoneId: string
  readonly requestId: string
  readonly mapVersion: number
  /** Epoch milliseconds. */
  readonly effectiveAt: number
  readonly expiresAt: number
  /** The person is under a hold: nothing may be erased, and nobody is named. */
  readonly held: boolean
  /** A second approver let this person be erased from the system above its ceiling. */
  readonly ceilingWaived: boolean
  /** Null when held, or when the vault can't say any more; then `code` says why. */
  readonly subject: Subject | null
  readonly code?: string
  /** Where the identifiers can't be read any more: what the person is still known by. */
  readonly digested?: Digested
}

/** A person of whom only digests are left, each under a pepper that is looked up. */
export interface Digested extends Omit<Subject, 'identifiers'> {
  readonly digests: readonly string[]
}

export interface TombstonePage {
  /** Epoch milliseconds after which nobody of this page may be erased: a hold may have come since. Read it again. */
  readonly validUntil: number
  readonly tombstones: readonly LiveTombstone[]
}

interface Owner {
  readonly request_id: string
  readonly received_at: string
  readonly held: boolean
}

const OLDEST = `SELECT min(effective_at) AS oldest FROM (
    SELECT system_id, effective_at, expires_at, held_until, recur_every FROM read_model.tombstones UNION ALL
    SELECT system_id, effective_at, expires_at, held_until, recur_every FROM restore.recovered_tombstones) AS tombstones
  WHERE system_id = $1 AND recur_every IS NULL AND greatest(expires_at, held_until) > $2`

/** Whom a restored store must not bring back, page by page. Every page is audited. */
export class Tombstones {
  constructor(
    private readonly pool: Pool,
    private readonly vault: Vault,
    /** Whether the map in force gives a system a ceiling. */
    private readonly hasCeiling: (systemId: string) => boolean,
    private readonly now: () => number = Date.now,
    /** Null when decisions may rest on the database. */
    private readonly blocked: () => Promise<string | null>,
  ) {}

  /** Ordered by id. @throws ProblemError `forbidden` unless the credential is the restore service's. */
  async page(caller: Caller, question: TombstoneQuestion): Promise<TombstonePage> {
    const validUntil = await this.begin(caller, question)
    const at = this.now()
    const { systemId, after, limit } = question
    const { rows, recovered } = await withRecovered(this.pool, systemId, at, { limit, after })
    return { validUntil, tombstones: await this.described(caller, question, at, rows, recovered) }
  }

  /** Of the people of a tenant who have one of these digests, ordered by id. @throws as `page` */
  async withDigests(
    caller: Caller,
    question: Pick<TombstoneQuestion, 'systemId' | 'reason'> & {
      readonly tenantId: string
      readonly digests: readonly string[]
    },
  ): Promise<TombstonePage> {
    const validUntil = await this.begin(caller, question)
    const at = this.now()
    const rows = await tombstonesWithDigests(this.pool, question, at)
    return { validUntil, tombstones: await this.described(caller, question, at, rows, new Map()) }
  }

  /**
   * The peppers that are looked up, so that the identifiers of a restored store can be digested where the store is and
   * need not travel. Audited. @throws as `page`
   */
  async peppers(
    caller: Caller,
    question: Pick<TombstoneQuestion, 'systemId' | 'reason'>,
  ): Promise<{ peppers: readonly Pepper[] }> {
    await this.assertReader(caller, question.systemId)
    const { systemId, reason } = question
    await auditTombstones(this.pool, {
      at: this.now(),
      credentialId: caller.id,
      systemId,
      reason,
      count: 'peppers',
    })
    return { peppers: this.vault.peppers }
  }

  /**
   * When the oldest tombstone of the caller's own system took effect that still lives: no receipt of then or later may go
   * yet. Null when none lives. Of people erased again and again, whose tombstones never expire, nothing is said.
   *
   * @throws ProblemError `forbidden` for any credential but an eraser's; `unavailable` while the database is an older copy
   */
  async oldest(caller: Caller): Promise<{ oldest: number | null }> {
    const { systemId } = caller
    if (!may(caller, 'clear') || systemId === null)
      throw problem('forbidden', 'Only an eraser asks since when receipts of its system are needed.')
    await this.assertRight()
    const { rows } = await this.pool.query<{ oldest: string | null }>(OLDEST, [systemId, this.now()])
    const oldest = rows[0]?.oldest ?? null
    return { oldest: oldest === null ? null : Number(oldest) }
  }

  private async begin(caller: Caller, { systemId }: { readonly systemId: string }): Promise<number> {
    await this.assertReader(caller, systemId)
    return beginPage(this.pool, this.now)
  }

  private async assertReader(caller: Caller, systemId: string): Promise<void> {
    if (!may(caller, 'replay') || (caller.systemId !== null && caller.systemId !== systemId)) {
      throw problem('forbidden', 'Only the restore credential reads tombstones with their identifiers.')
    }
    await this.assertRight()
  }

  private async assertRight(): Promise<void> {
    if ((await this.blocked()) !== null)
      throw problem('unavailable', "Lethe's own database was restored; run: lethe restore self", {
        cause: 'lethe_restored',
      })
  }

  private async described(
    caller: Caller,
    { systemId, reason }: Pick<TombstoneQuestion, 'systemId' | 'reason'>,
    at: number,
    rows: readonly TombstoneRow[],
    recovered: ReadonlyMap<string, RecoveredTombstone>,
  ): Promise<LiveTombstone[]> {
    const ids = [...new Set(rows.map(({ requestId }) => requestId))]
    const [owners, entries, waived] = await Promise.all([
      this.ownersOf(ids),
      this.vault.open(this.pool, ids, systemId, 'tombstones'),
      this.waivedOf(ids, systemId),
    ])
    await auditTombstones(this.pool, { at, credentialId: caller.id, systemId, reason, count: rows.length })
    const gone = ids.filter((id) => {
      const entry = entries.get(id)
      return entry === undefined || entry instanceof Error
    })
    const digests = await this.digestsOf(gone)
    return rows.map(
      ({ tombstoneId, requestId, mapVersion, effectiveAt, expiresAt, ...row }): LiveTombstone => {
        const owner = owners.get(requestId)
        const ceilingWaived = waived.has(requestId)
        const found = { tombstoneId, requestId, mapVersion, effectiveAt, expiresAt, ceilingWaived }
        if (owner?.held === true) return { ...found, held: true, subject: null }
        const again = recovered.get(tombstoneId)
        if (again !== undefined) return { ...found, ...this.ofRecovered(again, owner, at) }
        // Fail closed: a tombstone without its request is nobody's to replay.
        if (owner === undefined) return { ...found, held: false, subject: null, code: 'not_found' }
        const entry = entries.get(requestId)
        const { subjectRef, tenantId } = row
        const receivedAt = Number(owner.received_at)
        if (entry === undefined || entry instanceof Error) {
          const own = digests.get(requestId)
          const digested = own && { subjectRef, tenantId, receivedAt, digests: own }
          const unreadable = { ...found, held: false, subject: null, code: codeOf(entry) }
          return digested ? { ...unreadable, digested } : unreadable
        }
        const { identifiers } = entry
        return { ...found, held: false, subject: { subjectRef, tenantId, receivedAt, identifiers } }
      },
    )
  }

  /** Those that can still be made of an identifier. */
  private async digestsOf(requestIds: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
    if (requestIds.length === 0) return new Map()
    const live = new Set(this.vault.peppers.map(({ version }) => version))
    const known = await this.vault.digestsByRequest(this.pool, requestIds)
    const usable = [...known].map(([id, all]) => {
      return [id, [...all].filter((digest) => live.has(digest.slice(0, digest.indexOf('.'))))] as const
    })
    return new Map(usable.filter(([, digests]) => digests.length > 0))
  }

  /** One that a self-restore took from the topic: its selectors are the sealed bytes that stood there. */
  private ofRecovered(
    row: RecoveredTombstone,
    owner: Owner | undefined,
    now: number,
  ): Pick<LiveTombstone, 'held' | 'subject' | 'code'> {
    if ((row.heldUntil ?? 0) > now) return { held: true, subject: null }
    if (row.sealed === null) return { held: false, subject: null, code: 'identifiers_gone' }
    const { requestId, systemId, epoch, sealed, tenantId, subjectRef, effectiveAt } = row
    const entry = this.vault.openSealed(requestId, systemId, { epoch, sealed })
    if (entry instanceof Error) return { held: false, subject: null, code: codeOf(entry) }
    // When it was received is known only where its request is; what is older than the first grant is surely meant.
    const receivedAt = owner === undefined ? effectiveAt : Number(owner.received_at)
    return { held: false, subject: { subjectRef, tenantId, receivedAt, identifiers: entry.identifiers } }
  }

  /** Read from the log, and only where the system has a ceiling: hardly anybody is above it. */
  private async waivedOf(ids: readonly string[], systemId: string): Promise<Set<string>> {
    if (!this.hasCeiling(systemId)) return new Set()
    const { rows } = await this.pool.query<{ stream_id: string }>({
      name: 'tombstone-waivers',
      text: `SELECT DISTINCT stream_id FROM events.events
             WHERE stream_id = ANY($1::text[]) AND type = 'PassRequested'
               AND data->>'systemId' = $2 AND data->>'ceilingWaived' = 'true'`,
      values: [ids, systemId],
    })
    return new Set(rows.map((row) => row.stream_id))
  }

  private async ownersOf(ids: readonly string[]): Promise<Map<string, Owner>> {
    const { rows } = await this.pool.query<Owner>({
      name: 'tombstone-owners',
      text: `SELECT request_id, received_at, holds <> '[]'::jsonb AS held
             FROM read_model.requests WHERE request_id = ANY($1::text[])`,
      values: [ids],
    })
    return new Map(rows.map((row) => [row.request_id, row]))
  }
}

const codeOf = (entry: Error | undefined): string =>
  entry instanceof TerminalError ? entry.code : 'identifiers_gone'
