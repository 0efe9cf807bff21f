import type { BulkJob } from '../../../src/adapters/http/answer-types.js'
import type { Verb } from './actions.js'
import { counted, grouped } from './words.js'

const officers = ['privacy_officer', 'admin']
const operators = ['operator', ...officers]
const allowed: Readonly<Record<Verb, readonly string[]>> = {
  approve: officers,
  refuse: officers,
  hold: officers,
  release: officers,
  extend: officers,
  cancel: operators,
  retry: operators,
  reprobe: operators,
}

/** What somebody with these roles may ask of many requests; the service decides. */
export const bulkVerbs = (roles: readonly string[]): Verb[] =>
  (Object.keys(allowed) as Verb[]).filter((verb) => allowed[verb].some((role) => roles.includes(role)))

const hindrances: Readonly<Record<string, string>> = {
  has_ended: 'has ended',
  nothing_to_approve: 'waits for no approval',
  erasing_has_begun: 'erasing has begun',
  not_held: 'is not held',
  not_failed: 'has not failed',
  nothing_erased_yet: 'nothing was erased yet',
  backup_clear: 'is gone from every backup',
  already_extended: 'was extended before',
  past_its_deadline: 'its deadline has passed',
  law_allows_no_extension: 'the law allows no extension',
}
export const hindranceText = (code: string): string => hindrances[code] ?? code.replaceAll('_', ' ')

const reasons: Readonly<Record<string, string>> = {
  process_ended: 'the service that did it has ended',
  session_ended: 'the session of who did it has ended',
  credential_ended: 'the credential of who did it is not valid any more',
  request_unavailable: 'the request service does not answer',
  database_unavailable: 'the database does not answer',
  stopped: 'somebody stopped it',
  taken_over: 'another process has taken it over',
}
export const reasonText = (code: string | null): string => reasons[code ?? ''] ?? code ?? 'nobody knows why'

/** What is said of a job that stopped: what is done stays done, and of what nobody knows it is asked again. */
export function interruptedText({
  reason,
  left,
  outcomes: { not_known: unknown = 0 },
}: Pick<BulkJob, 'reason' | 'left' | 'outcomes'>): string {
  const rest = `${counted(left, 'request')} ${left === 1 ? 'was' : 'were'} not asked for`
  const what = `It was interrupted: ${reasonText(reason)}. ${rest}`
  return unknown === 0
    ? `${what}. Resume it: what is done is not asked for again.`
    : `${what}, and of ${grouped(unknown)} nobody knows what came of it. Resume it: what is done is not asked for again, what nobody knows is.`
}

/** Those a job would still ask for. */
export const stillToDo = (job: Pick<BulkJob, 'state' | 'shown' | 'left' | 'outcomes'>): number =>
  job.state === 'shown' ? expected(job).able : job.left + (job.outcomes['not_known'] ?? 0)

const outcomes: Readonly<Record<string, string>> = {
  done: 'done',
  not_known: 'asked, not known whether it was done',
  done_before_or_impossible: 'done before the interruption, or not possible',
  illegal_transition: 'refused: not possible as it stands',
  not_found: 'refused: not found',
  forbidden: 'refused: not allowed',
  second_approval_needed: 'refused: another has to approve it',
}
export const outcomeText = (code: string): string => outcomes[code] ?? `refused: ${code.replaceAll('_', ' ')}`

/** How many will be asked for with a chance, and how many are known to be refused. */
export function expected({ shown }: Pick<BulkJob, 'shown'>): { able: number; refused: number } {
  const sum = (fits: boolean) =>
    shown.filter(({ hindrance }) => (hindrance === null) === fits).reduce((all, { n }) => all + n, 0)
  return { able: sum(true), refused: sum(false) }
}
