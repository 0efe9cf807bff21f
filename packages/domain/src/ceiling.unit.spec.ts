import { describe, expect, test } from 'vitest'
import { plan, shopPlan, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'

describe('a pass over its ceiling', () => {
  const overCeiling = { errorClass: 'paused', errorCode: 'over_ceiling' } as const

  test('stops the request until a second approver lifts the ceiling for one new pass', () => {
    const story = Story.planned(plan(), { approvalRequired: true })
    story.tell({ type: 'Approve', by: 'ada' })
    expect(story.fail('pg#1/initial', overCeiling)).toEqual(['PassAcknowledged', 'ApprovalRequested'])
    expect(story.last('ApprovalRequested')).toMatchObject({ reason: 'over_ceiling', passId: 'pg#1/initial' })
    expect(story.code({ type: 'Approve', by: 'portal' })).toBe('second_approval_needed')
    expect(story.code({ type: 'Approve', by: 'ada' })).toBe('second_approval_needed')
    expect(story.tell({ type: 'Approve', by: 'bob' })).toEqual(['RequestApproved', 'PassRequested'])
    expect(story.last('PassRequested')).toMatchObject({ passId: 'pg#1/retry-1', ceilingWaived: true })
  })

  test('is not lifted by who said whom the request means: that was the first approval', () => {
    const story = Story.planned()
    story.tell({ type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates: 0 })
    story.tell({ type: 'Approve', by: 'ada' })
    const again = story.last('PassRequested').passId
    story.fail(again, overCeiling)
    expect(story.code({ type: 'Approve', by: 'ada' })).toBe('second_approval_needed')
    expect(story.code({ type: 'Approve', by: 'bob' })).toBe('ok')
  })

  test('stops grants of other systems, which are asked again as new passes afterwards', () => {
    const both = plan({ steps: [step('a#1'), step('b#1')], systems: [system('a'), system('b')] })
    const story = Story.planned(both)
    story.fail('a#1/initial', overCeiling)
    expect(story.code(story.grantCommand('b#1/initial'))).toBe('second_approval_needed')
    story.tell({ type: 'Approve', by: 'bob' })
    expect(story.passIds()).toEqual(['a#1/initial', 'b#1/initial', 'a#1/retry-1', 'b#1/retry-1'])
    expect(story.code(story.grantCommand('b#1/initial'))).toBe('illegal_transition')
  })

  test('asks one question at a time', () => {
    const both = plan({ steps: [step('a#1'), step('b#1')], systems: [system('a'), system('b')] })
    const story = Story.planned(both)
    story.grant('b#1/initial')
    story.fail('a#1/initial', overCeiling)
    expect(story.acknowledge('b#1/initial', { outcome: 'failed', ...overCeiling })).toEqual([
      'PassAcknowledged',
    ])
    expect(story.tell({ type: 'Approve', by: 'bob' })).toEqual(['RequestApproved', 'ApprovalRequested'])
    expect(story.last('ApprovalRequested').passId).toBe('b#1/initial')
    expect(story.tell({ type: 'Approve', by: 'bob' })).toEqual([
      'RequestApproved',
      'PassRequested',
      'PassRequested',
    ])
  })

  test('can be refused while nothing was erased, and not afterwards', () => {
    const refuse = { type: 'Refuse', by: 'ada', ground: 'x', citation: 'y' } as const
    const untouched = Story.planned()
    untouched.fail('pg#1/initial', overCeiling)
    expect(untouched.tell(refuse)).toEqual(['RequestRefused'])
    const touched = Story.planned(shopPlan())
    touched.erase('cache#1/initial')
    touched.fail('pg#1/initial', overCeiling)
    expect(touched.code(refuse)).toBe('illegal_transition')
  })
})
