/** Steps through all ids, so that neighbours among tombstones are no neighbours in the table. */
const STEP = 7_368_787

/** The row of the nth tombstone, from 0; distinct while n is below `rows`. */
export const personOf = (n: number, rows: number): number => ((n * STEP) % rows) + 1

const hex = (n: number): string => n.toString(16).padStart(12, '0')
export const tombstoneIdOf = (n: number): string => `019a0000-0000-7000-8000-${hex(n)}`
export const requestIdOf = (n: number): string => `019a0000-0000-7000-9000-${hex(n)}`
/** The inverse of `tombstoneIdOf`; -1 of the empty text. */
export const placeOf = (tombstoneId: string): number =>
  tombstoneId === '' ? -1 : Number.parseInt(tombstoneId.slice(-12), 16)
