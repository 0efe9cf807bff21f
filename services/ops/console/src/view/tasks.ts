import type { Step } from '../../../src/adapters/http/answer-types.js'
import type { Tone } from './words.js'

type Task = NonNullable<Step['task']>
export type TaskVerb = Task['actions'][number]

/** What can be done with a task, in words. */
export const verbWords: Readonly<
  Record<TaskVerb, { readonly button: string; readonly title: string; readonly says: string }>
> = {
  take: {
    button: 'Take task',
    title: 'Take the task in',
    says: 'You are told whom it is about and may erase them there for some hours. Taking it begins the erasure: it can not be cancelled any more. A hold that comes meanwhile is in effect when your time is over.',
  },
  attest: {
    button: 'Mark done',
    title: 'Mark the task done in',
    says: 'What you say is recorded with its evidence. It is never called verified: nobody can look.',
  },
  evidence: {
    button: 'Evidence',
    title: 'Evidence of the task in',
    says: 'What was given as evidence is opened for you, and that you read it is in the audit.',
  },
}

/** Where a task stands; what somebody said is never shown as good as what a probe saw. */
export function taskWords({ state, taken }: Pick<Task, 'state' | 'taken'>): {
  readonly tone: Tone
  readonly text: string
} {
  switch (state) {
    case 'waiting':
      return { tone: 'quiet', text: 'its turn has not come' }
    case 'open':
      return taken === null
        ? { tone: 'warn', text: 'waits for somebody to take it' }
        : { tone: 'busy', text: 'taken, not marked done' }
    case 'stopped':
      return { tone: 'warn', text: 'must not be done now' }
    case 'attested':
      return { tone: 'warn', text: 'attested, not probed' }
    default:
      return state satisfies never
  }
}

/** The body of the call; what was left empty is left out. */
export function attestBody(form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const outcome = text('outcome')
  const doneAt = Date.parse(`${text('doneAt')}Z`)
  return {
    outcome,
    records: outcome === 'erased' ? Number(text('records')) : 0,
    reference: text('reference'),
    ...(text('note') === '' ? {} : { note: text('note') }),
    ...(Number.isFinite(doneAt) ? { doneAt } : {}),
  }
}
