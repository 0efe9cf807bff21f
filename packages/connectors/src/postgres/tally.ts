import type { CollectionCounts, Counts, Outcome } from '@lethe/eraser-kit'
import type { RetainedParts } from './retained.js'
import type { Plan, Target } from './targets.js'

/** Rows per subject and collection. */
export class Tally {
  private readonly rows = new Map<number, Map<string, number>>()

  add(ord: number, collection: string, rows: number): void {
    const mine = this.rows.get(ord) ?? new Map<string, number>()
    mine.set(collection, (mine.get(collection) ?? 0) + rows)
    this.rows.set(ord, mine)
  }

  of(ord: number, collection: string): number {
    return this.rows.get(ord)?.get(collection) ?? 0
  }

  total(ord: number): number {
    return [...(this.rows.get(ord)?.values() ?? [])].reduce((sum, rows) => sum + rows, 0)
  }

  addAll(other: Tally): void {
    for (const [ord, mine] of other.rows)
      for (const [collection, rows] of mine) this.add(ord, collection, rows)
  }
}

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
