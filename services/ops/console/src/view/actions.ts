import type { RequestDetail } from '../../../src/adapters/http/answer-types.js'

export type Verb = RequestDetail['actions'][number]

interface Words {
  readonly button: string
  readonly title: string
  readonly says: string
  /** What can't be taken back; null where it can. */
  readonly final: string | null
}

/** What each action is called and does, before it is done. */
export const actionWords: Readonly<Record<Verb, Words>> = {
  approve: {
    button: 'Approve',
    title: 'Approve this erasure?',
    says: 'The erasure goes on as planned.',
    final: 'What is erased can not be brought back.',
  },
  refuse: {
    button: 'Refuse',
    title: 'Refuse this erasure?',
    says: 'The data stays, and the person is told why. Cite the law, and leave out everything that names the person.',
    final: 'A refusal can not be taken back; the person would have to ask anew.',
  },
  hold: {
    button: 'Hold',
    title: 'Hold this erasure?',
    says: 'Nothing more of this person is erased until every hold is released, by a restore neither. What is under way at this moment may still end.',
    final: null,
  },
  release: {
    button: 'Release',
    title: 'Release the hold?',
    says: 'When no other hold is left, the erasure goes on where it was stopped.',
    final: 'What is erased then can not be brought back.',
  },
  extend: {
    button: 'Extend',
    title: 'Extend the deadline?',
    says: 'Once, as far as the law allows, and only when the person has been told before the first deadline.',
    final: 'A deadline is extended once.',
  },
  cancel: {
    button: 'Cancel',
    title: 'Cancel this erasure?',
    says: 'The request is withdrawn and nothing is erased.',
    final: 'A cancelled request does not come back; the person would have to ask anew.',
  },
  retry: {
    button: 'Retry a system',
    title: 'Retry a system?',
    says: 'The system is asked again. Remove the cause of the failure first. What somebody erased there by hand is found to be gone, and the probe confirms it.',
    final: null,
  },
  reprobe: {
    button: 'Look again',
    title: 'Have a probe look again?',
    says: 'The probe of a system looks for this person now. It reads and changes nothing. What it finds is told here and in the verification view.',
    final: null,
  },
}

const asksFor = new Map<string, string>(
  Object.entries({
    over_ceiling:
      'A system would touch more records than its ceiling allows. It has changed nothing yet. Compare the counts with what this person should have; it takes another approver than the first.',
    policy: 'The request has to be approved by somebody else than who made it.',
    not_found_everywhere: 'Nobody was found in any system. Approve if the person is not there.',
  }),
)

/** What an approval would answer; null when the text of the action says it all. */
export function approvalAsked(
  request: Pick<RequestDetail, 'reviewCode' | 'awaitingApproval'>,
): string | null {
  if (request.reviewCode !== null)
    return 'It is not certain who is meant. Confirm what was given, or name the one person by an identifier.'
  return asksFor.get(request.awaitingApproval ?? '') ?? null
}

const ACTED = ['erased', 'redacted', 'retained', 'expiring', 'deferred']

/** The steps for which a hold comes too late. */
export const alreadyDone = (steps: RequestDetail['steps']): RequestDetail['steps'] =>
  steps.filter(({ outcome }) => outcome !== null && ACTED.includes(outcome))

/** Systems that can be asked again: those that failed, else those that keep something. */
export function retryable(request: Pick<RequestDetail, 'steps' | 'systems'>): string[] {
  const with_ = (status: string) => request.systems.filter((one) => one.status === status)
  const failed = with_('FAILED')
  const wanted = failed.length > 0 ? failed : with_('RETAINED')
  const shown = wanted.length > 0 ? wanted : request.systems
  return shown.map(({ systemId }) => systemId)
}

/** Systems with a probe: where a person erases by hand there is none to look again. */
export function probed({ steps, systems }: Pick<RequestDetail, 'steps' | 'systems'>): string[] {
  const byHand = new Set(steps.flatMap((step) => (step.task === undefined ? [] : [step.systemId])))
  return systems.map(({ systemId }) => systemId).filter((systemId) => !byHand.has(systemId))
}
