import type { log } from '@lethe/schemas'
import { byHandOf } from './by-hand.js'
import { blockOf } from './clearance.js'
import { accepted, type Decision, type Rejection, rejected } from './commands.js'
import { tombstoneFor } from './decide-grant.js'
import { unlessOpen } from './decide-rules.js'
import { factsOf, type StepFacts, stepsOf } from './facts.js'
import type { Policy } from './policy.js'
import type { PassState, RequestState } from './request-state.js'

/** A person is about to erase by hand and asks whether they may, and whom. */
export interface TakeTask {
  readonly type: 'TakeTask'
  readonly systemId: string
  readonly grantId: string
  readonly by: string
  /** Used when this grant is the first of its system, or when the tombstone must live longer. */
  readonly tombstone: { readonly tombstoneId: string; readonly epoch: string }
}

/** A person says what came of it. */
export interface AttestTask {
  readonly type: 'AttestTask'
  readonly systemId: string
  readonly outcome: log.AttestedOutcome
  /** How many records are gone. */
  readonly records: number
  /** When it was done, epoch milliseconds. */
  readonly doneAt: number
  readonly by: string
  readonly evidenceRef: string
}

/**
 * The clearance of a person: a grant that lives for hours, because nobody walks to an archive in seconds. A hold that
 * comes meanwhile is in effect when it has expired. Asked again by who has one that lives, nothing is recorded.
 */
export function decideTake(state: RequestState, command: TakeTask, now: number, policy: Policy): Decision {
  const { systemId, grantId, by } = command
  const refused = unlessByHand(state, systemId) ?? unlessOpen(state, 'erased from by hand')
  if (refused) return refused
  const block = blockOf(state)
  if (block !== null) return rejected(block.code, `${block.detail}: nothing may be erased now`)
  const steps = stepsOf(factsOf(state), systemId)
  const pass = steps.find((step) => step.done === null && step.current !== null)?.current ?? null
  if (pass === null) return rejected('illegal_transition', notOpen(steps))
  if (livingGrant(pass, by, now) !== undefined) return accepted()
  const expiresAt = now + policy.taskGrantMs
  const { stepId, passId, attempt } = pass
  return accepted(
    { type: 'TaskTaken', data: { grantId, systemId, stepId, passId, attempt, by, at: now, expiresAt } },
    ...tombstoneFor(state, command, now, expiresAt, policy),
  )
}

export const livingGrant = (pass: PassState, by: string, now: number) =>
  pass.grants.find((grant) => grant.by === by && grant.expiresAt > now)

const notOpen = (steps: readonly StepFacts[]): string =>
  steps.every((step) => step.done !== null)
    ? 'the task is done already'
    : 'the turn of this task has not come; wait until it is open'

/**
 * Records what somebody says they did, in whatever state the request is: what is shredded is shredded. Somebody must
 * have taken the task, since only that told them whom it is about and that it might be done. What was done while a
 * hold was in force is recorded as that. Told twice it is one; another result later is refused, and the first stays.
 */
export function decideAttest(state: RequestState, command: AttestTask, now: number): Decision {
  const { systemId, outcome, records, doneAt } = command
  const refused = unlessByHand(state, systemId)
  if (refused) return refused
  const steps = stepsOf(factsOf(state), systemId)
  const step = steps.find(({ done }) => done === null)
  if (step === undefined) return again(steps.at(-1), command)
  const pass = step.group.findLast(({ grants }) => grants.length > 0)
  const grant = pass?.grants.at(-1)
  if (pass === undefined || grant === undefined) return notTaken(state)
  if (doneAt > now) return rejected('illegal_transition', 'nobody has done it in the future; check doneAt')
  if (doneAt < state.received.receivedAt)
    return rejected(
      'illegal_transition',
      'what was gone before the request was received was not erased for it; if nothing was left, say not_found',
    )
  if (outcome === 'erased' ? records < 1 : records !== 0)
    return rejected('illegal_transition', 'erased takes the number of records, and not_found takes none')
  const { stepId, passId } = pass
  const underHold = state.holds.some((hold) => hold.at <= doneAt)
  const { by, evidenceRef } = command
  const said = { systemId, stepId, passId, outcome, records, doneAt, by, evidenceRef, underHold }
  return accepted({ type: 'TaskAttested', data: { grantId: grant.grantId, ...said, at: now } })
}

function notTaken(state: RequestState): Rejection {
  const block = blockOf(state)
  const first =
    'nobody has taken this task; take it first, which says whom it is about and whether it may be done'
  if (block === null) return rejected('illegal_transition', first)
  const then =
    'If it was done all the same, tell a privacy officer, and take it and mark it done when that is over'
  return rejected(
    block.code,
    `${block.detail}, and nobody had taken this task: nothing may be erased now. ${then}`,
  )
}

function again(last: StepFacts | undefined, { outcome, records }: AttestTask): Decision {
  const before = last?.done?.attestation
  if (before?.outcome === outcome && before.records === records) return accepted()
  return rejected(
    'illegal_transition',
    'this task was marked done before with another result; what was recorded first stays',
  )
}

function unlessByHand(state: RequestState, systemId: string): Rejection | null {
  if (!state.plan?.systems.some((system) => system.systemId === systemId))
    return rejected('not_found', 'the plan has no such system')
  if (byHandOf(state, systemId) !== null) return null
  return rejected('illegal_transition', 'this system has an eraser; no person marks it done')
}
