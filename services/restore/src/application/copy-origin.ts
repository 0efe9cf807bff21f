import type { RestoreStore } from '../adapters/restore-store.js'
import { type MarkerKey, originOf } from '../domain/marker.js'
import type { GateMode, Restore } from '../domain/restore.js'

/** What its marker says of a copy. */
export interface CopyOrigin extends Pick<Restore, 'markerAt' | 'markerForeign' | 'markerMap'> {
  /** How the gate of this very copy was shut before, and how long the copy was open until then; null of a new one. */
  readonly before: { readonly gateMode: GateMode; readonly windowMs: number | null } | null
}

/**
 * A restore marks the copy as Lethe's own as soon as it has shut it. A marker from before the gate opened again says
 * nothing of the age of what is in there: whoever announces the copy again, or restores a backup that was taken
 * meanwhile, has a copy as old, as foreign and of the same data map as that restore found it.
 *
 * @param isCurrent whether it is the marker that Lethe wrote last: then the copy is the one it knows
 * @param of the restore under way, which is none before itself; null for a copy that is none
 */
export async function copyOrigin(
  store: RestoreStore,
  key: MarkerKey,
  found: string | null,
  { isCurrent, of, now }: { readonly isCurrent: boolean; readonly of: string | null; readonly now: number },
): Promise<CopyOrigin> {
  const origin = originOf(key, found)
  if (origin.by !== 'us')
    return { markerAt: null, markerForeign: found !== null, markerMap: null, before: null }
  const { writtenAt, mapVersion } = origin
  const at = isCurrent ? now : writtenAt
  const held = await store.lastShut(key.systemId, at, of)
  if (held === null || (held.openedAt !== null && held.openedAt <= at))
    return { markerAt: writtenAt, markerForeign: false, markerMap: mapVersion, before: null }
  const { markerAt, markerForeign, markerMap, gateMode, windowMs } = held
  return { markerAt, markerForeign, markerMap, before: isCurrent ? { gateMode, windowMs } : null }
}
