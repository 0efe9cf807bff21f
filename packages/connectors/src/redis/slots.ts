import slotOf from 'cluster-key-slot'

const SLOTS = 16_384
let tags: readonly string[] | undefined

/**
 * A short text whose cluster slot is `slot`. Lethe's counts of a slot live beside the keys they count, and
 * must not be named after those keys: they hold identifiers. Computed once, about 160,000 checksums.
 */
export function tagOfSlot(slot: number): string {
  tags ??= findTags()
  const tag = tags[slot]
  if (tag === undefined) throw new RangeError(`no such slot: ${slot}`)
  return tag
}

function findTags(): string[] {
  const found: string[] = []
  let missing = SLOTS
  // CRC16 spreads counters evenly, so this ends after about SLOTS * ln(SLOTS) of them; ten times is the bound.
  for (let candidate = 0; missing > 0 && candidate < SLOTS * 100; candidate++) {
    const tag = candidate.toString(36)
    const slot = slotOf(tag)
    if (found[slot] !== undefined) continue
    found[slot] = tag
    missing--
  }
  return found
}
