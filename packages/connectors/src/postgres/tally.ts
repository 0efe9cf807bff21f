import type { CollectionCounts, Counts, Outcome } from '@lethe/eraser-kit'
import type { RetainedParts } from './retained.js'
import type { Plan, Target } from './targets.js'

/** Rows per subject and collection. */
export class Tally {
  /** By collection, then by place: collections are few and subjects many. */
  private readonly rows = new Map<string, number[]>()

  add(ord: number, collection: string, rows: number): void {
    addAt(this.those(collection), ord, rows)
  }

  /** What a statement says of everybody at once. */
  addEach(collection: string, counted: Iterable<CountedOrds>): void {
    const those = this.those(collection)
    for (const { ords, rows } of counted)
      eachOrd(ords, (ord) => {
        addAt(those, ord, rows)
      })
  }

  of(ord: number, collection: string): number {
    return this.rows.get(collection)?.[ord] ?? 0
  }

  total(ord: number): number {
    let sum = 0
    for (const those of this.rows.values()) sum += those[ord] ?? 0
    return sum
  }

  addAll(other: Tally): void {
    for (const [collection, those] of other.rows)
      those.forEach((rows, ord) => {
        if (rows > 0) this.add(ord, collection, rows)
      })
  }

  /** Whether two subjects have as many rows as each other in every collection. */
  isSame(one: number, other: number): boolean {
    for (const those of this.rows.values()) if ((those[one] ?? 0) !== (those[other] ?? 0)) return false
    return true
  }

  private those(collection: string): number[] {
    const known = this.rows.get(collection)
    if (known) return known
    const those: number[] = []
    this.rows.set(collection, those)
    return those
  }
}

/** Without gaps: an array that has some becomes a table of its own. */
function addAt(those: number[], ord: number, rows: number): void {
  while (those.length <= ord) those.push(0)
  those[ord] = (those[ord] as number) + rows
}

/** Subjects who have so many rows; `ords` are their places, with commas between them. */
export interface CountedOrds {
  readonly ords: string
  readonly rows: number
}

/** Of `ord, rows` one row for each count: the answer of a batch is a few rows, not one for each subject. */
export const byCount = (text: string): string =>
  `SELECT rows, string_agg(ord::text, ',') AS ords FROM (${text}) AS each GROUP BY rows`

/** Of `CountedOrds`, without a text for each of thousands. */
export function eachOrd(ords: string, tell: (ord: number) => void): void {
  let ord = 0
  for (let at = 0; at < ords.length; at++) {
    const code = ords.charCodeAt(at)
    if (code === COMMA) {
      tell(ord)
      ord = 0
    } else ord = ord * 10 + code - ZERO
  }
  if (ords.length > 0) tell(ord)
}

const COMMA = 44
const ZERO = 48

/** Collections of a plan, each with the targets that touch it. */
export function byCollection(targets: readonly Target[]): Map<string, Target[]> {
  const collections = new Map<string, Target[]>()
  for (const target of targets) {
    collections.set(target.collection, [...(collections.get(target.collection) ?? []), target])
  }
  return collections
}

export function collectionsOf(plan: Plan): string[] {
  return [...byCollection(plan.targets).keys()]
}

export interface Counted {
  readonly found: Tally
  readonly erased: Tally
  readonly redacted: Tally
  readonly retained: RetainedParts
}

/**
 * What happened to each of these subjects, in their order: one object for all to whom the same happened.
 *
 * @see outcomeOf
 */
export function outcomesOf(
  ords: readonly number[],
  collections: ReadonlyMap<string, readonly Target[]>,
  counted: Counted,
  position: string,
): Outcome[] {
  const { found, erased, redacted, retained } = counted
  const names = [...collections.keys()]
  const known = new Map<string, Outcome>()
  const keyOf = (ord: number) =>
    names.map((name) => [found.of(ord, name), erased.of(ord, name), redacted.of(ord, name)].join()).join(';')
  // Most are as the one before them.
  let before: { readonly ord: number; readonly outcome: Outcome } | null = null
  const isAsBefore = (ord: number, one: number) =>
    found.isSame(ord, one) && erased.isSame(ord, one) && redacted.isSame(ord, one)
  return ords.map((ord) => {
    // What a law keeps is told with its times, which are each one's own.
    if (retained.has(ord)) return outcomeOf(ord, collections, counted, position)
    if (before !== null && isAsBefore(ord, before.ord)) return before.outcome
    const key = keyOf(ord)
    const outcome = known.get(key) ?? outcomeOf(ord, collections, counted, position)
    known.set(key, outcome)
    before = { ord, outcome }
    return outcome
  })
}

/**
 * What happened to one subject. Every row counts once: as erased, else as retained (redacted or not), else
 * as redacted.
 */
export function outcomeOf(
  ord: number,
  collections: ReadonlyMap<string, readonly Target[]>,
  counted: Counted,
  position: string,
): Outcome {
  const counts: Record<string, CollectionCounts> = {}
  let [erasedRows, redactedRows] = [0, 0]
  for (const [collection, targets] of collections) {
    const erased = counted.erased.of(ord, collection)
    const retained = counted.retained.rows(ord, collection)
    const updates = counted.redacted.of(ord, collection)
    // Rows that appeared between counting and changing were found as well.
    const once = targets.length === 1 && !targets[0]?.mention
    const least = once ? Math.max(erased + updates, erased + retained) : erased + retained
    const found = Math.max(counted.found.of(ord, collection), least)
    const redacted = Math.max(0, Math.min(updates, found - erased - retained))
    counts[collection] = { found, erased, redacted, retained, failed: 0 }
    erasedRows += erased
    redactedRows += redacted
  }
  const parts = counted.retained.parts(ord)
  if (parts.length > 0) return { outcome: 'retained', counts, position, retained: parts }
  const outcome = erasedRows > 0 ? 'erased' : redactedRows > 0 ? 'redacted' : 'not_found'
  return { outcome, counts, position }
}

/** Nothing was changed for this subject. */
export function failedOutcome(
  ord: number,
  collections: Iterable<string>,
  found: Tally | null,
  errorCode: string,
  errorClass: NonNullable<Outcome['errorClass']>,
): Outcome {
  const counts: Record<string, Counts[string]> = {}
  for (const collection of collections) {
    const rows = found?.of(ord, collection) ?? 0
    counts[collection] = { found: rows, erased: 0, redacted: 0, retained: 0, failed: rows }
  }
  return { outcome: 'failed', counts, errorCode, errorClass }
}
