import type { Snapshot } from '../event-store.js'

/** Type of the one kind of event in a snapshot's stream, and the beginning of that stream's name. */
export const SNAPSHOT = 'snapshot'

export function isSnapshot(data: unknown): data is Omit<Snapshot, 'streamId'> {
  const { version, foldVersion } = (data ?? {}) as { version?: unknown; foldVersion?: unknown }
  return typeof version === 'number' && typeof foldVersion === 'number'
}

export function newer(
  a: Pick<Snapshot, 'version' | 'foldVersion'>,
  b: Pick<Snapshot, 'version' | 'foldVersion'>,
): boolean {
  return a.foldVersion === b.foldVersion ? a.version > b.version : a.foldVersion > b.foldVersion
}
