import { describe, expect, it } from 'vitest'
import { actionWords, alreadyDone, approvalAsked, probed, retryable, type Verb } from './actions.js'

const step = (stepId: string, outcome: string | null) => ({ stepId, outcome }) as never
const system = (systemId: string, status: string) => ({ systemId, status }) as never

describe('the words of an action', () => {
  it('say of each that can not be taken back that it can not', () => {
    const final = Object.entries(actionWords).flatMap(([verb, { final: says }]) =>
      says === null ? [] : [verb],
    )
    expect(final.sort()).toEqual(['approve', 'cancel', 'extend', 'refuse', 'release'] satisfies Verb[])
  })

  it('say what an approval answers', () => {
    const asked = (reviewCode: string | null, awaitingApproval: string | null) =>
      approvalAsked({ reviewCode, awaitingApproval })
    expect(asked('ambiguous_subject', null)).toContain('who is meant')
    expect(asked(null, 'over_ceiling')).toContain('another approver')
    expect(asked(null, 'constructor')).toBeNull()
    expect(asked(null, null)).toBeNull()
  })
})

describe('what a hold comes too late for', () => {
  it('is what was changed, not what was only looked at or failed', () => {
    const steps = [step('a#1', 'erased'), step('b#1', 'failed'), step('c#1', null), step('d#1', 'not_found')]
    expect(alreadyDone(steps).map(({ stepId }) => stepId)).toEqual(['a#1'])
  })
})

describe('systems to retry', () => {
  it('are those that failed, else those that keep something, else any', () => {
    const all = (...systems: never[]) => retryable({ steps: [], systems })
    expect(all(system('a', 'FAILED'), system('b', 'RETAINED'))).toEqual(['a'])
    expect(all(system('a', 'COMPLETED'), system('b', 'RETAINED'))).toEqual(['b'])
    expect(all(system('a', 'COMPLETED'))).toEqual(['a'])
  })
})

it('only systems with a probe are looked at again', () => {
  const steps = [step('a#1', 'erased'), { systemId: 'archive', task: {} } as never]
  const systems = [system('a', 'COMPLETED'), system('archive', 'ATTESTED')]
  expect(probed({ steps, systems })).toEqual(['a'])
})
