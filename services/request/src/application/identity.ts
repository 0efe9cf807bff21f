import type { wire } from '@lethe/schemas'
import type { Identifier, Subject } from '../domain/identifier.js'
import { type KnownPerson, learn, verdictOf } from '../domain/person.js'

/** Asks the read-only deployment of one system. Throws when it can't be reached or answers nonsense. */
export interface ProbeClient {
  /** Per subject, one list of identifiers per person found. */
  resolve(systemId: string, subjects: readonly Subject[]): Promise<Identifier[][][]>
  preview(systemId: string, subjects: readonly Subject[]): Promise<Record<string, CollectionCounts>[]>
}
export type CollectionCounts = wire.CollectionCounts

export type Resolution =
  | { readonly kind: 'one'; readonly identifiers: readonly Identifier[]; readonly rounds: number }
  | { readonly kind: 'nobody'; readonly identifiers: readonly Identifier[]; readonly rounds: number }
  | {
      readonly kind: 'many'
      readonly identifiers: readonly Identifier[]
      readonly rounds: number
      readonly candidates: number
    }
  | { readonly kind: 'unreachable' }

/** A chain of references longer than this is not a person's record but a mistake in the data map. */
const maxRounds = 5

interface Search {
  person: KnownPerson
  rounds: number
  settled: boolean
}

/** Turns what was given into every identifier the systems need, in at most five rounds. Reads only. */
export class IdentityResolution {
  constructor(private readonly probes: ProbeClient) {}

  /**
   * One answer per subject, in order; each round is one call per resolving system for all of them.
   * A system that can't be reached makes the whole batch `unreachable`: half a person is no answer.
   */
  async resolve(
    subjects: readonly Subject[],
    systemIds: readonly string[],
    canonical: string,
  ): Promise<Resolution[]> {
    if (systemIds.length === 0) {
      return subjects.map(({ identifiers }) => ({ kind: 'one', identifiers, rounds: 0 }))
    }
    const searches = subjects.map(
      ({ identifiers }): Search => ({
        person: { identifiers, candidates: 0 },
        rounds: 0,
        settled: identifiers.length === 0,
      }),
    )
    for (let round = 1; round <= maxRounds; round++) {
      const open = searches.flatMap((search, index) => (search.settled ? [] : [{ search, index }]))
      if (open.length === 0) break
      const asked = open.map(({ search, index }) => ({
        ...(subjects[index] as Subject),
        identifiers: search.person.identifiers,
      }))
      const answers = await this.ask(systemIds, asked)
      if (answers === null) return subjects.map(() => ({ kind: 'unreachable' }))
      open.forEach(({ search }, position) => {
        advance(
          search,
          answers.map((perSubject) => perSubject[position] ?? []),
          canonical,
        )
      })
    }
    return searches.map((search) => conclude(search, canonical))
  }

  private async ask(
    systemIds: readonly string[],
    subjects: readonly Subject[],
  ): Promise<Identifier[][][][] | null> {
    const answers = await Promise.allSettled(
      systemIds.map((systemId) => this.probes.resolve(systemId, subjects)),
    )
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    return found.length === systemIds.length ? found : null
  }
}

function advance(search: Search, answers: readonly Identifier[][][], canonical: string): void {
  const before = search.person.identifiers.length
  search.person = learn(search.person, answers)
  search.rounds++
  const nothingNew = search.person.identifiers.length === before
  search.settled = nothingNew || verdictOf(search.person, canonical).kind === 'many'
}

function conclude({ person, rounds, settled }: Search, canonical: string): Resolution {
  const verdict = verdictOf(person, canonical)
  const { identifiers } = person
  if (verdict.kind === 'many') return { kind: 'many', identifiers, rounds, candidates: verdict.candidates }
  if (verdict.kind === 'nobody') return { kind: 'nobody', identifiers, rounds }
  // Still growing after the last round: nobody can say whose identifiers these are.
  if (!settled) return { kind: 'many', identifiers, rounds, candidates: person.candidates }
  return { kind: 'one', identifiers, rounds }
}
