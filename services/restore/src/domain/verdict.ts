/** What Lethe last knew of the marker in a store. */
export interface KnownMarker {
  readonly current: string | null
  /** A value that was about to be written when Lethe last looked away. */
  readonly pending: string | null
  /** Batches of receipts seen; they only rise. */
  readonly receipts: number
  readonly identity: string | null
}

export interface FoundStore {
  readonly marker: { readonly found: string | null; readonly receipts: number }
  readonly identity: string | null
}

/**
 * `same`: the copy Lethe knows. `first`: one Lethe has not marked yet, nothing is known of it. `moved`: the right
 * marker on another server or timeline or in another run, as after a failover or a restart: hardly anything old came back,
 * but a sweep should look. `other`: an older or foreign copy, or one that was made since the last look.
 */
export type Verdict = 'same' | 'first' | 'moved' | 'other'

/**
 * @param erasedBefore whether Lethe ever erased in this system. Then the store must show it: one without marker
 *   and receipts is a copy from before.
 */
export function verdictOn(known: KnownMarker | null, found: FoundStore, erasedBefore: boolean): Verdict {
  const { marker, identity } = found
  if (known === null) {
    if (marker.found !== null) return 'other'
    return marker.receipts === 0 && erasedBefore ? 'other' : 'first'
  }
  if (marker.found !== known.current && !isOfCopy(known, marker.found)) return 'other'
  if (marker.receipts < known.receipts) return 'other'
  if (known.identity === null || known.identity === identity) return 'same'
  return isMadeAnew(known.identity, identity) ? 'other' : 'moved'
}

/** Whether a marker found is one that Lethe wrote last, or was about to. */
export const isOfCopy = (
  known: Pick<KnownMarker, 'current' | 'pending'> | null,
  found: string | null,
): boolean => known !== null && found !== null && (found === known.current || found === known.pending)

/** In the same place, but another copy: taken and put back since the last look, with the marker of that look in it. */
function isMadeAnew(known: string, found: string | null): boolean {
  const [place, copy, ...rest] = known.split('#')
  const [foundPlace, foundCopy] = found?.split('#') ?? []
  return rest.length > 0 && place === foundPlace && Boolean(copy) && Boolean(foundCopy) && copy !== foundCopy
}
