import type { Plan } from '@lethe/data-map'
import type { RequestCommand } from '@lethe/domain'
import type { Identifier } from '../domain/identifier.js'
import { countByType } from '../domain/person.js'
import { type VaultEntry, wholePerson } from '../vault/vault.js'
import type { DataMaps } from './data-maps.js'
import type { Resolution } from './identity.js'

/** What a resolution means for one request: what to decide, what to seal, what to be found by. */
export interface Planning {
  readonly commands: readonly RequestCommand[]
  readonly entries: readonly VaultEntry[]
  /** Identifiers that are surely this person's. */
  readonly known: readonly Identifier[]
}

export interface Person {
  readonly requestId: string
  readonly given: readonly Identifier[]
}

/**
 * One person: the plan is frozen and each system's identifiers are sealed apart. Nobody or many: a person
 * decides, and only what was given is kept, because what was found may be somebody else's. Unreachable:
 * what was given is kept until the probes are back.
 */
export function planningFor(maps: DataMaps, plan: Plan, person: Person, resolution: Resolution): Planning {
  const { requestId, given } = person
  const whole: VaultEntry = { requestId, systemId: wholePerson, identifiers: given }
  if (resolution.kind === 'unreachable') return { commands: [], entries: [whole], known: given }
  if (resolution.kind !== 'one') {
    const candidates = resolution.kind === 'many' ? resolution.candidates : 0
    return {
      commands: [
        recorded(given, resolution.rounds),
        { type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates },
      ],
      entries: [whole],
      known: given,
    }
  }
  const { identifiers } = resolution
  return {
    commands: [recorded(identifiers, resolution.rounds), { type: 'FreezePlan', plan }],
    entries: sealedApart(maps, { requestId, plan }, identifiers),
    known: identifiers,
  }
}

/** The entries of a planned request when its person is known anew: the whole, and each system's part. */
export function sealedApart(
  maps: DataMaps,
  { requestId, plan }: { readonly requestId: string; readonly plan: Pick<Plan, 'systems'> | null },
  identifiers: readonly Identifier[],
): VaultEntry[] {
  const systems = plan?.systems ?? []
  return [
    { requestId, systemId: wholePerson, identifiers },
    ...systems.map(({ systemId }) => ({
      requestId,
      systemId,
      identifiers: maps.neededBy(systemId, identifiers),
    })),
  ]
}

const recorded = (identifiers: readonly Identifier[], rounds: number): RequestCommand => ({
  type: 'RecordResolution',
  found: countByType(identifiers),
  rounds,
  occasion: 'plan',
})
