import type { log } from '@lethe/schemas'

export type Counts = Readonly<Record<string, log.CollectionCounts>>

const none: log.CollectionCounts = { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }

/**
 * What the passes of one step, oldest first, came to. What one pass left behind, because it failed or because
 * a law keeps it for now, the next one finds again: it counts once, as the latest pass that looked says.
 */
export function countsOfPasses(passes: readonly Counts[]): Counts {
  const total: Record<string, log.CollectionCounts> = {}
  for (const counts of passes) {
    for (const [collection, add] of Object.entries(counts)) {
      const before = total[collection] ?? none
      const done = before.found - before.retained - before.failed
      total[collection] = {
        found: Math.max(0, done) + add.found,
        erased: before.erased + add.erased,
        redacted: before.redacted + add.redacted,
        retained: add.retained,
        failed: add.failed,
      }
    }
  }
  return inOrder(total)
}

/** The counts of several steps together. */
export function sumOfSteps(steps: readonly Counts[]): Counts {
  const total: Record<string, log.CollectionCounts> = {}
  for (const counts of steps) {
    for (const [collection, add] of Object.entries(counts)) {
      const sum = total[collection] ?? none
      total[collection] = {
        found: sum.found + add.found,
        erased: sum.erased + add.erased,
        redacted: sum.redacted + add.redacted,
        retained: sum.retained + add.retained,
        failed: sum.failed + add.failed,
      }
    }
  }
  return inOrder(total)
}

const inOrder = (total: Record<string, log.CollectionCounts>): Counts =>
  Object.fromEntries(Object.entries(total).sort(([a], [b]) => (a < b ? -1 : 1)))
