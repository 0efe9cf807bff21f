/** How long what waits in one place will still take. */
export interface Delay {
  /** A consumer group, or `outbox` for the way through the database's log. */
  readonly place: string
  /** Milliseconds until it has caught up; null when it stands still or is not known. */
  readonly ms: number | null
  /** Null when `ms` is known. */
  readonly why: 'standing_still' | 'unknown' | null
}

/** A request that is not done and the places its work still has to pass. */
export interface OpenRequest {
  readonly requestId: string
  readonly tenantId: string
  readonly status: string
  /** Epoch milliseconds. */
  readonly dueAt: number
  readonly places: readonly string[]
}

export type Verdict = 'overdue' | 'late' | 'standing_still' | 'unknown'

export interface Endangered extends OpenRequest {
  readonly verdict: Verdict
  /** The places that cause it, the slowest first. */
  readonly because: readonly string[]
  /** When it would be through if everything goes on as now, epoch milliseconds; null when nobody can say. */
  readonly expectedAt: number | null
  /** Milliseconds until the deadline; below zero it has passed. */
  readonly leftMs: number
}

/**
 * The requests whose deadline is endangered by what waits before them, the nearest deadline first. Delays are
 * added up, as if every place started only when the one before it is empty: it may warn too early, not too late.
 * A request is left out when every place it has to pass is known and it will be through in time. A place
 * nothing is known of counts as unknown, never as empty.
 */
export function endangered(
  now: number,
  delays: readonly Delay[],
  requests: readonly OpenRequest[],
): Endangered[] {
  const byPlace = new Map(delays.map((delay) => [delay.place, delay]))
  return requests
    .flatMap((request) => {
      const found = judged(now, byPlace, request)
      return found ? [found] : []
    })
    .sort((a, b) => a.dueAt - b.dueAt || (a.requestId < b.requestId ? -1 : 1))
}

function judged(now: number, byPlace: ReadonlyMap<string, Delay>, request: OpenRequest): Endangered | null {
  const delays = request.places.map(
    (place): Delay => byPlace.get(place) ?? { place, ms: null, why: 'unknown' },
  )
  const slow = delays.filter(({ ms }) => ms === null || ms > 0)
  if (slow.length === 0) return null
  const stuck = slow.filter(({ ms }) => ms === null)
  const expectedAt = stuck.length > 0 ? null : now + slow.reduce((sum, { ms }) => sum + (ms ?? 0), 0)
  const verdict = verdictOn(now, request.dueAt, stuck, expectedAt)
  if (verdict === null) return null
  const because = slow.toSorted((a, b) => (b.ms ?? Number.MAX_VALUE) - (a.ms ?? Number.MAX_VALUE))
  return {
    ...request,
    verdict,
    because: because.map(({ place }) => place),
    expectedAt,
    leftMs: request.dueAt - now,
  }
}

function verdictOn(
  now: number,
  dueAt: number,
  stuck: readonly Delay[],
  expectedAt: number | null,
): Verdict | null {
  if (dueAt <= now) return 'overdue'
  if (stuck.some(({ why }) => why === 'standing_still')) return 'standing_still'
  if (expectedAt === null) return 'unknown'
  return expectedAt > dueAt ? 'late' : null
}
