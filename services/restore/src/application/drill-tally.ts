import { nothing } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'

export const noTally: Tally = nothing

const summed = (one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) => {
  const sum = new Map(Object.entries(one))
  for (const [key, count] of Object.entries(other)) sum.set(key, (sum.get(key) ?? 0) + count)
  return Object.fromEntries(sum)
}

/** Two pages of one work. */
export function added(one: Tally, other: Tally): Tally {
  return {
    tombstones: one.tombstones + other.tombstones,
    replayed: one.replayed + other.replayed,
    alreadyAbsent: one.alreadyAbsent + other.alreadyAbsent,
    held: one.held + other.held,
    unreadable: one.unreadable + other.unreadable,
    failed: summed(one.failed, other.failed),
    residual: summed(one.residual, other.residual),
    inconclusive: summed(one.inconclusive, other.inconclusive),
  }
}
