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
  const whole = (identifiers: readonly Identifier[]): VaultEntry => ({
    requestId,
    systemId: wholePerson,
    identifiers,
  })
  if (resolution.kind === 'unreachable') return { commands: [], entries: [whole(given)], known: given }
  if (resolution.kind !== 'one') {
    const candidates = resolution.kind === 'many' ? resolution.candidates : 0
    return {
      commands: [
        recorded(given, resolution.rounds),
        { type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates },
      ],
      entries: [whole(given)],
      known: given,
    }
  }
  const { identifiers } = resolution
  const perSystem = plan.systems.map(
    ({ systemId }): VaultEntry => ({
      requestId,
      systemId,
      identifiers: maps.neededBy(systemId, identifiers),
    }),
  )
  return {
    commands: [recorded(identifiers, resolution.rounds), { type: 'FreezePlan', plan }],
    entries: [whole(identifiers), ...perSystem],
    known: identifiers,
  }
}

const recorded = (identifiers: readonly Identifier[], rounds: number): RequestCommand => ({
  type: 'RecordResolution',
  found: countByType(identifiers),
  rounds,
  occasion: 'plan',
})
