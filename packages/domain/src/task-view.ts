import type { log } from '@lethe/schemas'
import { byHandOf } from './by-hand.js'
import { blockedBy, factsOf, isClosed, type StepFacts } from './facts.js'
import type { RequestState } from './request-state.js'

/** What a person has to do, or says they did, in a system without an eraser. Epoch milliseconds; no clock. */
export interface TaskView {
  /** The least role that may do it. */
  readonly role: string
  /** `waiting`: its turn has not come; `open`; `stopped` by a hold, a question or an end; `attested`: somebody did it. */
  readonly state: 'waiting' | 'open' | 'stopped' | 'attested'
  readonly openedAt: number | null
  /** When somebody has to see to it, if it is not done by then. */
  readonly dueAt: number | null
  /** Who took it last, and until when they may be at it. */
  readonly taken: { readonly by: string; readonly at: number; readonly until: number } | null
  readonly attestation: Pick<
    log.TaskAttested,
    'outcome' | 'records' | 'doneAt' | 'by' | 'underHold' | 'at' | 'evidenceRef'
  > | null
}

/** The task of one step; null where an eraser works. */
export function taskOf(state: RequestState, stepId: string): TaskView | null {
  const facts = factsOf(state).get(stepId)
  const task = facts && byHandOf(state, facts.step.systemId)
  if (!facts || !task) return null
  const grants = facts.group.flatMap((pass) => pass.grants)
  const last = grants.at(-1)
  const openedAt = facts.current?.requestedAt ?? null
  return {
    role: task.role,
    state: stateOf(state, facts),
    openedAt,
    dueAt: openedAt === null ? null : openedAt + task.withinMs,
    taken: last === undefined ? null : { by: last.by ?? '', at: last.issuedAt, until: last.expiresAt },
    attestation: said(facts.done?.attestation),
  }
}

function stateOf(state: RequestState, { done, current }: StepFacts): TaskView['state'] {
  if (done !== null) return 'attested'
  if (blockedBy(state) !== null || isClosed(state)) return 'stopped'
  return current === null ? 'waiting' : 'open'
}

function said(event: log.TaskAttested | undefined): TaskView['attestation'] {
  if (event === undefined) return null
  const { outcome, records, doneAt, by, underHold, at, evidenceRef } = event
  return { outcome, records, doneAt, by, underHold, at, evidenceRef }
}
