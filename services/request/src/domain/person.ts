import type { Identifier } from './identifier.js'

/** What resolving systems said in one round: per system, one list of identifiers per person found. */
export type RoundAnswer = readonly (readonly Identifier[])[]

export interface KnownPerson {
  readonly identifiers: readonly Identifier[]
  /** Most people any one system led to so far. */
  readonly candidates: number
}

export type Verdict =
  | { readonly kind: 'one'; readonly identifiers: readonly Identifier[] }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'many'; readonly candidates: number }

const keyOf = (identifier: Identifier): string => JSON.stringify([identifier.type, identifier.value])

/** Union without repetition, in a stable order: given ones first, then as found. */
export function merge(known: readonly Identifier[], more: readonly Identifier[]): Identifier[] {
  const byKey = new Map(known.map((identifier) => [keyOf(identifier), identifier]))
  for (const identifier of more) {
    if (!byKey.has(keyOf(identifier))) byKey.set(keyOf(identifier), identifier)
  }
  return [...byKey.values()]
}

/** Folds the answers of one round; a system that found two people stops the search at once. */
export function learn(person: KnownPerson, answers: readonly RoundAnswer[]): KnownPerson {
  let { identifiers, candidates } = person
  for (const people of answers) {
    candidates = Math.max(candidates, people.length)
    for (const found of people) identifiers = merge(identifiers, found)
  }
  return { identifiers, candidates }
}

/**
 * One person, nobody, or more than one. Two values of the canonical type are two people, whichever
 * systems they came from.
 */
export function verdictOf(person: KnownPerson, canonical: string): Verdict {
  const canonicals = person.identifiers.filter((identifier) => identifier.type === canonical).length
  const candidates = Math.max(person.candidates, canonicals)
  if (candidates > 1) return { kind: 'many', candidates }
  if (person.candidates === 0) return { kind: 'nobody' }
  return { kind: 'one', identifiers: person.identifiers }
}

export function countByType(identifiers: readonly Identifier[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of identifiers) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** Identifiers of the types one system needs: all another system would learn stays in the vault. */
export function neededBy(identifiers: readonly Identifier[], types: readonly string[]): Identifier[] {
  return identifiers.filter((identifier) => types.includes(identifier.type))
}

/** Ids that a store gave and gives to nobody else; an address can become somebody else's. */
export function surrogates(identifiers: readonly Identifier[]): Identifier[] {
  return identifiers.filter(({ type }) => type === 'user_id' || type.startsWith('vendor:'))
}
