import type { RequestEvent } from '../request-state.js'
import type { World } from './world.js'

/**
 * What must hold of a log and of the world, told without any of the code under test. Each returns
 * what is wrong, or null.
 */

const done = new Set(['erased', 'not_found', 'redacted', 'retained', 'expiring'])

/** Invariants 1 and 2, as far as the log tells. */
export function completedTooEarly(world: World): string | null {
  const end = world.log.findIndex((event) => event.type === 'RequestCompleted')
  if (end === -1) return null
  const log = world.log.slice(0, end)
  const byHand = new Set(world.plan.systems.flatMap(({ systemId, byHand: task }) => (task ? [systemId] : [])))
  const wrong = saidByNobody(world, byHand)
  if (wrong !== null) return wrong
  for (const { stepId, systemId } of world.plan.steps) {
    if (byHand.has(systemId)) continue
    if (!acknowledgements(log, stepId).some((ack) => done.has(ack.outcome))) return `${stepId} was never done`
  }
  for (const { systemId } of world.plan.systems) {
    if (byHand.has(systemId)) continue
    const lastPass = log.findLastIndex(
      (event) => event.type === 'PassRequested' && event.data.systemId === systemId,
    )
    const probes = new Set(
      log.flatMap((event, index) =>
        event.type === 'ProbeRequested' && event.data.systemId === systemId && index > lastPass
          ? [event.data.passId]
          : [],
      ),
    )
    const results = log.flatMap((event) =>
      event.type === 'ProbeReported' && probes.has(event.data.passId) ? [event.data.result] : [],
    )
    if (!results.includes('clean')) return `${systemId} was not probed clean after its latest pass`
    if (results.includes('residual')) return `${systemId} was found not clean after its latest pass`
  }
  return null
}

/**
 * Where a person erases by hand, the end rests on what somebody said who had taken the task, and says so; nowhere else
 * does it, and no eraser or probe was asked there.
 */
function saidByNobody(world: World, byHand: ReadonlySet<string>): string | null {
  const taken = new Set<string>()
  const said = new Set<string>()
  for (const event of world.log) {
    if (event.type === 'TaskTaken') taken.add(`${event.data.grantId} ${event.data.passId}`)
    if (event.type === 'TaskAttested' && taken.has(`${event.data.grantId} ${event.data.passId}`))
      said.add(event.data.systemId)
    if (event.type !== 'RequestCompleted') continue
    const told = [...event.data.attested].sort()
    const silent = [...byHand].find((systemId) => !said.has(systemId))
    if (silent !== undefined) return `nobody who had taken it said what became of ${silent}`
    if (told.join() !== [...byHand].sort().join())
      return `the end says that ${told.join()} rests on somebody's word`
  }
  const asked = world.published.find(({ systemId }) => byHand.has(systemId))
  if (asked !== undefined) return `an eraser was asked for ${asked.passId}`
  const looked = world.log.find((event) => event.type === 'ProbeRequested' && byHand.has(event.data.systemId))
  return looked === undefined ? null : 'a probe was asked to look where nobody can'
}

/** Acknowledgements of a step that carry a grant issued before them. */
function acknowledgements(log: readonly RequestEvent[], stepId: string) {
  const grants = new Set<string>()
  return log.flatMap((event) => {
    if (event.type === 'GrantIssued')
      grants.add(`${event.data.grantId} ${event.data.passId} ${event.data.attempt}`)
    if (event.type !== 'PassAcknowledged' || event.data.stepId !== stepId) return []
    return grants.has(`${event.data.grantId} ${event.data.passId} ${event.data.attempt}`) ? [event.data] : []
  })
}

/**
 * Invariant 12: no grant while held, and no change of any store after a hold is effective. A person can't be kept from
 * erasing by hand what they may no longer; then the log says that it was done while a hold was in force.
 */
export function erasedWhileHeld(world: World): string | null {
  const owned = new Set(
    world.log.flatMap((event) =>
      event.type === 'TaskAttested' && event.data.underHold
        ? [`${event.data.systemId} ${event.data.doneAt}`]
        : [],
    ),
  )
  const changes = world.changes.filter(({ systemId, at }) => !owned.has(`${systemId} ${at}`))
  const held = new Map<string, number>()
  for (const event of world.log) {
    if (event.type === 'RequestHeld') held.set(event.data.holdId, event.data.effectiveAt)
    if ((event.type === 'GrantIssued' || event.type === 'TaskTaken') && held.size > 0)
      return `${event.data.grantId} was issued during a hold`
    if (event.type === 'PassRequested' && held.size > 0)
      return `${event.data.passId} was requested during a hold`
    if (event.type !== 'RequestReleased') continue
    const effectiveAt = held.get(event.data.holdId) ?? Number.POSITIVE_INFINITY
    const late = changes.find((change) => change.at > effectiveAt && change.at < event.data.at)
    if (late) return `${late.systemId} was changed during a hold`
    held.delete(event.data.holdId)
  }
  const effectiveAt = Math.min(...held.values())
  const late = changes.find((change) => change.at > effectiveAt)
  return late ? `${late.systemId} was changed during a hold` : null
}

/** Invariant 6: what ended stays ended, with the status it ended with. */
export function unended(world: World): string | null {
  const ends = {
    RequestCompleted: 'COMPLETED',
    RequestRefused: 'REFUSED',
    RequestCancelled: 'CANCELLED',
  } as const
  for (const [type, status] of Object.entries(ends)) {
    const end = world.log.findIndex((event) => event.type === type)
    if (end === -1) continue
    const after = world.states.slice(end + 1).find((state) => state?.status !== status)
    if (after) return `${status} became ${after.status}`
  }
  return null
}

/** Nothing is granted after the request ended, nor after it was cancelled before it began. */
export function grantedAfterEnd(world: World): string | null {
  const isEnd = (event: RequestEvent): boolean =>
    event.type === 'RequestCompleted' || event.type === 'RequestRefused' || event.type === 'RequestCancelled'
  const end = world.log.findIndex(isEnd)
  if (end === -1) return null
  return world.log.slice(end).some(({ type }) => type === 'GrantIssued' || type === 'TaskTaken')
    ? 'a grant was issued after the end'
    : null
}
