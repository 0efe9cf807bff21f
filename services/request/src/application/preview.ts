import { randomUUID } from 'node:crypto'
import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Identifier } from '../domain/identifier.js'
import type { Caller } from '../domain/permissions.js'
import { countByType } from '../domain/person.js'
import { auditPreview } from './audit.js'
import type { DataMaps } from './data-maps.js'
import type { CollectionCounts, IdentityResolution, ProbeClient } from './identity.js'

export interface PreviewQuestion {
  readonly tenantId: string
  /** Normalised. */
  readonly identifiers: readonly Identifier[]
}

export interface PreviewAnswer {
  readonly previewId: string
  /** How many people the identifiers lead to: 0 or 1. */
  readonly people: number
  /** How many identifiers of each type are known of the person. */
  readonly identifiers: Readonly<Record<string, number>>
  /** Per system and collection. */
  readonly systems: Readonly<Record<string, Readonly<Record<string, CollectionCounts>>>>
  /** Systems whose ceiling this person's records would exceed. */
  readonly overCeiling: readonly string[]
}

/** Counts what is held about one person. Reads only; neither the question nor the answer is stored. */
export class Previews {
  constructor(
    private readonly pool: Pool,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    private readonly probes: ProbeClient,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @throws ProblemError `unknown_tenant`, `ambiguous_subject`; `unavailable` when any system can't be
   * asked: a count with a hole would read as "nothing there".
   */
  async preview(caller: Caller, question: PreviewQuestion): Promise<PreviewAnswer> {
    const { tenantId } = question
    const unknown = this.maps.unknownVendor(question.identifiers)
    if (unknown !== null) throw unknown
    const plan = this.maps.plan(tenantId)
    if (plan === 'unknown_tenant') throw problem('unknown_tenant', 'The data map holds another tenant.')
    const previewId = randomUUID()
    const receivedAt = this.now()
    const systemIds = this.maps.applicable()
    await auditPreview(this.pool, { at: receivedAt, credentialId: caller.id, previewId, systemIds })
    const subject = { subjectRef: previewId, tenantId, identifiers: question.identifiers, receivedAt }
    const [resolution] = await this.identity.resolve(
      [subject],
      this.maps.resolvers(),
      this.maps.current.identifiers.canonical,
    )
    if (resolution === undefined || resolution.kind === 'unreachable') throw unavailable()
    if (resolution.kind === 'many') {
      const { candidates } = resolution
      throw problem('ambiguous_subject', 'Name the person by an identifier that is theirs alone.', {
        candidates,
      })
    }
    const { identifiers } = resolution
    const counted = await Promise.all(
      systemIds.map(async (systemId) => {
        const needed = { ...subject, identifiers: this.maps.neededBy(systemId, identifiers) }
        const [counts] = await this.probes.preview(systemId, [needed]).catch(() => [])
        if (counts === undefined) throw unavailable(systemId)
        return [systemId, counts] as const
      }),
    )
    const overCeiling = plan.systems.flatMap(({ systemId, ceiling }) => {
      const counts = counted.find(([id]) => id === systemId)?.[1] ?? {}
      const found = Object.values(counts).reduce((sum, one) => sum + one.found, 0)
      return ceiling !== null && found > ceiling ? [systemId] : []
    })
    return {
      previewId,
      people: resolution.kind === 'one' ? 1 : 0,
      identifiers: countByType(identifiers),
      systems: Object.fromEntries(counted),
      overCeiling,
    }
  }
}

const unavailable = (systemId?: string) =>
  problem(
    'unavailable',
    `The probe of ${systemId ?? 'a resolving system'} can't be asked now. Try again later.`,
  )
