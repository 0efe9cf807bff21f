import { randomUUID } from 'node:crypto'
import type { log } from '@lethe/schemas'
import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Identifier, Subject } from '../domain/identifier.js'
import type { Caller } from '../domain/permissions.js'
import { countByType } from '../domain/person.js'
import { auditPreview } from './audit.js'
import type { DataMaps } from './data-maps.js'
import { foundIn, Held, type HeldCounts } from './held.js'
import type { CollectionCounts, IdentityResolution, ProbeClient, Resolution } from './identity.js'

export interface PreviewQuestion {
  readonly tenantId: string
  /** Normalised. */
  readonly identifiers: readonly Identifier[]
}

export interface PreviewAnswer {
  readonly previewId: string
  /** How many people the identifiers lead to: 0 or 1; null when a system that could tell does not answer. */
  readonly people: number | null
  /** How many identifiers of each type are known of the person. */
  readonly identifiers: Readonly<Record<string, number>>
  /** Per system and collection; only systems that were asked and answered. */
  readonly systems: Readonly<Record<string, Readonly<Record<string, CollectionCounts>>>>
  /** Systems nobody could look into now. What they hold is not known, which is not the same as nothing. */
  readonly unknown: readonly string[]
  /** Systems that only a person can look into. */
  readonly byHand: readonly string[]
  /** Systems whose ceiling this person's records would exceed. */
  readonly overCeiling: readonly string[]
  /** What a request made now would do, in this order. */
  readonly plan: Pick<log.PlanFrozen, 'mapVersion' | 'steps' | 'notApplicable'>
}

/** Counts what is held about one person. Reads only; neither the question nor the answer is stored. */
export class Previews {
  private readonly held: Held

  constructor(
    private readonly pool: Pool,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    probes: ProbeClient,
    private readonly now: () => number = Date.now,
  ) {
    this.held = new Held(maps, probes)
  }

  /** @throws ProblemError `unknown_tenant`, `ambiguous_subject`, `invalid_identifier` */
  async preview(caller: Caller, question: PreviewQuestion): Promise<PreviewAnswer> {
    const { tenantId } = question
    const unknown = this.maps.unknownTenant(tenantId) ?? this.maps.unknownVendor(question.identifiers)
    if (unknown !== null) throw unknown
    const plan = this.maps.plan(tenantId)
    if (plan === 'unknown_tenant') throw problem('unknown_tenant', 'The data map holds another tenant.')
    const previewId = randomUUID()
    const receivedAt = this.now()
    const byHand = this.maps.byHand()
    const systemIds = this.maps.applicable().filter((systemId) => !byHand.includes(systemId))
    await auditPreview(this.pool, { at: receivedAt, credentialId: caller.id, previewId, systemIds })
    const subject = { subjectRef: previewId, tenantId, identifiers: question.identifiers, receivedAt }
    const resolution = await this.resolve(subject)
    const counted: ReadonlyMap<string, HeldCounts> =
      resolution === null ? new Map() : await this.held.count(systemIds, subject, resolution.identifiers)
    return {
      previewId,
      people: resolution && (resolution.kind === 'one' ? 1 : 0),
      identifiers: countByType(resolution?.identifiers ?? question.identifiers),
      systems: Object.fromEntries(counted),
      unknown: systemIds.filter((systemId) => !counted.has(systemId)),
      byHand,
      overCeiling: plan.systems.flatMap(({ systemId, ceiling }) =>
        ceiling !== null && foundIn(counted.get(systemId)) > ceiling ? [systemId] : [],
      ),
      plan: { mapVersion: plan.mapVersion, steps: plan.steps, notApplicable: plan.notApplicable },
    }
  }

  /** Null when nobody can say who is meant: then no system can be asked for all of the person. */
  private async resolve(
    subject: Subject,
  ): Promise<Exclude<Resolution, { kind: 'many' | 'unreachable' }> | null> {
    const [resolution] = await this.identity.resolve(
      [subject],
      this.maps.resolvers(),
      this.maps.current.identifiers.canonical,
    )
    if (resolution === undefined || resolution.kind === 'unreachable') return null
    if (resolution.kind !== 'many') return resolution
    throw problem('ambiguous_subject', 'Name the person by an identifier that is theirs alone.', {
      candidates: resolution.candidates,
    })
  }
}
