import type { Tally } from './waiting.js'

export const nothing: Tally = {
  tombstones: 0,
  replayed: 0,
  alreadyAbsent: 0,
  held: 0,
  unreadable: 0,
  failed: {},
  residual: {},
  inconclusive: {},
}

/** What came of one tombstone. `changed` and `absent` are good; everything else keeps a gate shut. */
export type Fate =
  | { readonly is: 'changed' }
  | { readonly is: 'absent' }
  | { readonly is: 'held' }
  | { readonly is: 'unreadable' }
  | { readonly is: 'failed'; readonly code: string }

function counter(counts: Readonly<Record<string, number>>) {
  const sum = new Map(Object.entries(counts))
  return {
    add: (key: string, by = 1) => sum.set(key, (sum.get(key) ?? 0) + by),
    result: () => Object.fromEntries(sum),
  }
}

export const counted = (tally: Tally, fates: readonly Fate[]): Tally =>
  countedMany(
    tally,
    fates.map((fate) => [fate, 1]),
  )

/** Fates, each with how many tombstones came to it. */
export function countedMany(tally: Tally, fates: readonly (readonly [Fate, number])[]): Tally {
  const failed = counter(tally.failed)
  const counts = { changed: 0, absent: 0, held: 0, unreadable: 0, failed: 0 }
  let tombstones = 0
  for (const [fate, many] of fates) {
    tombstones += many
    counts[fate.is] += many
    if (fate.is === 'failed') failed.add(fate.code, many)
  }
  return {
    ...tally,
    tombstones: tally.tombstones + tombstones,
    replayed: tally.replayed + counts.changed,
    alreadyAbsent: tally.alreadyAbsent + counts.absent,
    held: tally.held + counts.held,
    unreadable: tally.unreadable + counts.unreadable,
    failed: failed.result(),
  }
}

/** What a probe saw of one person. */
export interface Sight {
  readonly result: 'clean' | 'residual' | 'inconclusive'
  readonly residual: Readonly<Record<string, number>>
  readonly reasonCode?: string | undefined
}

export function seen(tally: Tally, sights: readonly Sight[]): Tally {
  const residual = counter(tally.residual)
  const inconclusive = counter(tally.inconclusive)
  for (const sight of sights) {
    if (sight.result === 'clean') continue
    if (sight.result === 'inconclusive') inconclusive.add(sight.reasonCode ?? 'none')
    if (sight.result !== 'residual') continue
    const places = Object.entries(sight.residual).filter(([, matches]) => matches > 0)
    // A probe that says residual without saying where still found something.
    for (const [collection, matches] of places.length > 0 ? places : [['somewhere', 1] as const])
      residual.add(collection, matches)
  }
  return { ...tally, residual: residual.result(), inconclusive: inconclusive.result() }
}
