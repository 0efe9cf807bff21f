import { agendaOf } from './agenda.js'
import { evolve } from './evolve.js'
import { defaultPolicy, type Policy } from './policy.js'
import type { RequestEvent, RequestState } from './request-state.js'

/**
 * Everything that may happen now by itself, as events in order: the process manager. Asked again
 * with the state those events lead to and the same `now`, it has nothing to say.
 */
export function proceed(
  state: RequestState | null,
  now: number,
  policy: Policy = defaultPolicy,
): RequestEvent[] {
  const events: RequestEvent[] = []
  let current = state
  // Each round settles at least one step, probe or question; the bound only stops a loop that is a bug.
  let rounds = 16 + 8 * (state?.plan?.steps.length ?? 0)
  while (current !== null) {
    const due = agendaOf(current, policy).filter((item) => item.at <= now)
    if (due.length === 0) return events
    if (rounds-- === 0)
      throw new Error('the process manager does not come to rest; this is a bug in its rules')
    const next = due.flatMap((item) => item.events(now))
    events.push(...next)
    for (const event of next) current = evolve(current, event)
  }
  return events
}

/** When `proceed` would next have something to do by itself, in epoch milliseconds; null for never. */
export function wakeAt(state: RequestState | null, policy: Policy = defaultPolicy): number | null {
  if (state === null) return null
  const dates = agendaOf(state, policy).map((item) => item.at)
  return dates.length === 0 ? null : Math.min(...dates)
}
