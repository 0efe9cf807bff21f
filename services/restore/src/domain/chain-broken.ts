import type { Reason } from './waiting.js'

/** Where something is not as it was recorded. */
interface BrokenAt {
  readonly code: string
  readonly partition: number | null
  readonly offset: number | null
}

/** So many places are named; `lethe tombstones verify` has more. */
const NAMED = 3

/** Nobody can say then that the tombstones that were applied are all there are. Names places, and no tombstone. */
export function chainBroken(report: {
  readonly findings: readonly BrokenAt[]
  readonly total: number
}): Reason {
  const { findings, total } = report
  const named = findings.slice(0, NAMED)
  const more = total > named.length ? `, and ${total - named.length} more` : ''
  const counts: Record<string, number> = {}
  for (const { code } of findings) counts[code] = (counts[code] ?? 0) + 1
  return {
    code: 'tombstone_chain_broken',
    detail: `The chain of tombstones is not as it was recorded (${named.map(placeOf).join('; ')}${more}), so nobody can say that everybody was erased. See: lethe tombstones verify. Put Lethe's own database back, or rebuild it (lethe restore self), and run it again; or open by hand.`,
    counts,
  }
}

const placeOf = ({ code, partition, offset }: BrokenAt): string =>
  [
    code,
    partition === null ? '' : ` in partition ${partition}`,
    offset === null ? '' : ` at offset ${offset}`,
  ].join('')
