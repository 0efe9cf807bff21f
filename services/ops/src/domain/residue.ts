/** What a probe's row says of its newest pass. */
export interface Probed {
  readonly result: string | null
  readonly residual?: Readonly<Record<string, number>>
}

/**
 * Records a probe still found, over all collections. null where that is not known: before it told, and where it could
 * not look; of a residue it did not count as well.
 */
export function residueOf(probe: Probed | null): number | null {
  if (probe?.result === 'clean') return 0
  if (probe?.result !== 'residual') return null
  const counts = Object.values(probe.residual ?? {})
  return counts.length === 0 ? null : counts.reduce((sum, n) => sum + n, 0)
}
