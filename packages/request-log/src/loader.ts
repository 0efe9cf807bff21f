import { fold, type RequestEvent, type RequestState } from '@lethe/domain'
import type { LoadedStream, PgEventStore, StoredEvent } from '@lethe/event-store'
import type { ClientBase } from 'pg'
import type { CachedState, StateCache } from './state-cache.js'

/**
 * Version of the fold whose states snapshots hold. Raise it whenever `evolve` or `RequestState`
 * changes what comes out: older snapshots are then ignored and made again as requests go on.
 */
export const FOLD_VERSION = 1

/** The log does not say what the head says, or the fold counts differently than the log. */
export class LogCorrupt extends Error {
  readonly code = 'log_corrupt'

  constructor(requestId: string, detail: string) {
    super(`the stream of request ${requestId} cannot be folded: ${detail}`)
    this.name = 'LogCorrupt'
  }
}

/**
 * States of locked streams at exactly their head's version. Takes what the cache holds, adds the
 * events that came since, and reads the rest from snapshot and tail.
 */
export async function loadStates(
  client: ClientBase,
  store: PgEventStore,
  cache: StateCache,
  heads: ReadonlyMap<string, number>,
): Promise<Map<string, RequestState | null>> {
  const states = new Map<string, RequestState | null>()
  const known = new Map<string, CachedState>()
  const wanted: { streamId: string; afterVersion?: number }[] = []
  for (const [streamId, version] of heads) {
    const cached = cache.get(streamId)
    if (version === 0) states.set(streamId, null)
    else if (cached?.version === version) states.set(streamId, cached.state)
    else if (cached && cached.version < version) {
      known.set(streamId, cached)
      wanted.push({ streamId, afterVersion: cached.version })
    } else wanted.push({ streamId })
  }
  if (wanted.length === 0) return states
  for (const [streamId, loaded] of await store.loadMany(client, wanted, FOLD_VERSION))
    states.set(streamId, foldLoaded(streamId, known.get(streamId) ?? null, loaded, heads.get(streamId) ?? 0))
  return states
}

/** The state as of now, without a lock: the next moment it may be older than the log. */
export async function readState(store: PgEventStore, requestId: string): Promise<RequestState | null> {
  const snapshot = (await store.loadSnapshots([requestId], FOLD_VERSION)).get(requestId)
  const from = snapshot?.version ?? 0
  const tail = await store.readStream(requestId, { afterVersion: from })
  if (from + tail.length === 0) return null
  const base = (snapshot?.state as RequestState | undefined) ?? null
  return foldFrom(requestId, base, from, tail, from + tail.length)
}

function foldLoaded(
  requestId: string,
  known: CachedState | null,
  { snapshot, tail }: LoadedStream,
  head: number,
): RequestState {
  const base = known?.state ?? (snapshot?.state as RequestState | undefined) ?? null
  const from = known?.version ?? snapshot?.version ?? 0
  return foldFrom(requestId, base, from, tail, head)
}

/** Folds `tail` onto `base`, checking that not one version is missing up to `head`. */
export function foldFrom(
  requestId: string,
  base: RequestState | null,
  from: number,
  tail: readonly StoredEvent[],
  head: number,
): RequestState {
  tail.forEach(({ version }, index) => {
    if (version !== from + index + 1)
      throw new LogCorrupt(requestId, `version ${from + index + 1} is missing, ${version} follows`)
  })
  if (from + tail.length !== head)
    throw new LogCorrupt(requestId, `its head is at ${head}, its events end at ${from + tail.length}`)
  const state = fold(tail.map(requestEvent), base)
  if (state === null || state.version !== head)
    throw new LogCorrupt(requestId, `the fold counts ${state?.version ?? 0} events, the log ${head}`)
  return state
}

/** Events are checked against their schema when they are decided; the log is trusted to keep them. */
function requestEvent({ type, data }: StoredEvent): RequestEvent {
  return { type, data } as RequestEvent
}
