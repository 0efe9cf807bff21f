import { describe, expect, test } from 'vitest'
import { identity, plan, received, START, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'

const HOUR = 3_600_000

describe('a request that is received', () => {
  test('is PENDING until it has a plan', () => {
    const story = new Story()
    expect(story.tell({ type: 'Receive', received: received(), identity })).toEqual([
      'RequestReceived',
      'IdentityAttested',
    ])
    expect(story.status).toBe('PENDING')
  })

  test('is received once', () => {
    expect(Story.planned().code({ type: 'Receive', received: received(), identity })).toBe(
      'duplicate_request',
    )
  })

  test('needs to exist before anything else is told', () => {
    expect(new Story().code({ type: 'Cancel', by: 'x' })).toBe('not_found')
    expect(new Story().code({ type: 'Proceed' })).toBe('not_found')
  })

  test('runs at once without grace', () => {
    const story = Story.planned()
    expect(story.log.map((event) => event.type).slice(2)).toEqual([
      'PlanFrozen',
      'RequestScheduled',
      'PassRequested',
    ])
    expect(story.status).toBe('IN_PROGRESS')
  })

  test('waits for its grace period and not a millisecond longer', () => {
    const story = Story.planned(plan(), { graceUntil: START + HOUR })
    expect(story.status).toBe('SCHEDULED')
    expect(story.later(HOUR - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
  })

  test('can be cancelled in its grace period, and then never runs', () => {
    const story = Story.planned(plan(), { graceUntil: START + HOUR })
    expect(story.tell({ type: 'Cancel', by: 'portal' })).toEqual(['RequestCancelled'])
    expect(story.later(HOUR)).toEqual([])
    expect(story.status).toBe('CANCELLED')
    expect(story.tell({ type: 'Cancel', by: 'portal' })).toEqual([])
  })
})

describe('a plan', () => {
  test.each([
    ['no step', plan({ steps: [], systems: [] })],
    ['a step of an unknown system', plan({ steps: [step('pg#1'), step('s3#1')] })],
    ['a system without a step', plan({ systems: [system('pg'), system('s3')] })],
    ['a step that waits for nothing known', plan({ steps: [step('pg#1', ['s3#1'])] })],
    ['steps that wait for each other', plan({ steps: [step('pg#1', ['pg#2']), step('pg#2', ['pg#1'])] })],
    ['one step twice', plan({ steps: [step('pg#1'), step('pg#1')] })],
    ['a system that copies itself', plan({ systems: [system('pg', { derivedFrom: ['pg'] })] })],
  ])('with %s is refused', (_what, bad) => {
    const story = new Story()
    story.tell({ type: 'Receive', received: received(), identity })
    expect(story.code({ type: 'FreezePlan', plan: bad })).toBe('map_invalid')
  })

  test('is frozen once, and told again without effect', () => {
    const story = Story.planned()
    expect(story.tell({ type: 'FreezePlan', plan: plan() })).toEqual([])
    expect(story.code({ type: 'FreezePlan', plan: plan({ mapDigest: 'other' }) })).toBe('illegal_transition')
  })
})

describe('an approval', () => {
  test('is waited for when asked for, and must be somebody else’s', () => {
    const story = Story.planned(plan(), { approvalRequired: true })
    expect(story.status).toBe('AWAITING_APPROVAL')
    expect(story.code({ type: 'Approve', by: 'portal' })).toBe('second_approval_needed')
    expect(story.tell({ type: 'Approve', by: 'ada' })).toEqual([
      'RequestApproved',
      'RequestScheduled',
      'PassRequested',
    ])
    expect(story.tell({ type: 'Approve', by: 'ada' })).toEqual([])
    expect(story.code({ type: 'Approve', by: 'bob' })).toBe('illegal_transition')
  })

  test('is always waited for when an administrator asks', () => {
    expect(Story.planned(plan(), { requesterRole: 'admin' }).status).toBe('AWAITING_APPROVAL')
  })

  test('can be refused instead, with ground and citation', () => {
    const story = Story.planned(plan(), { approvalRequired: true })
    story.tell({ type: 'Refuse', by: 'ada', ground: '17(3)(e)', citation: 'legal claims' })
    expect(story.status).toBe('REFUSED')
    expect(story.code({ type: 'Approve', by: 'ada' })).toBe('illegal_transition')
    expect(story.later(HOUR)).toEqual([])
  })
})

describe('identifiers that lead to nobody, or to two people', () => {
  const reviewed = (candidates: number): Story => {
    const story = new Story()
    story.tell({ type: 'Receive', received: received(), identity })
    story.tell({ type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates })
    return story
  }

  test('wait for a person before there is a plan', () => {
    const story = reviewed(2)
    expect(story.status).toBe('AWAITING_IDENTITY')
    expect(story.code({ type: 'FreezePlan', plan: plan() })).toBe('ambiguous_subject')
  })

  test('nobody can be approved, two people cannot', () => {
    expect(reviewed(0).tell({ type: 'Approve', by: 'ada' })).toEqual(['RequestApproved'])
    expect(reviewed(2).code({ type: 'Approve', by: 'ada' })).toBe('ambiguous_subject')
  })

  test('are never confirmed by who requested the erasure', () => {
    expect(reviewed(0).code({ type: 'Approve', by: 'portal' })).toBe('second_approval_needed')
    const name = { type: 'NameSubject', by: 'portal', found: { user_id: 1 } } as const
    expect(reviewed(2).code(name)).toBe('second_approval_needed')
    expect(reviewed(2).tell({ ...name, by: 'ada' })).toEqual(['RequestApproved', 'IdentifiersResolved'])
  })

  test('are settled by an officer who names the one that is meant, before the plan', () => {
    const story = reviewed(2)
    story.tell({ type: 'NameSubject', by: 'ada', found: { user_id: 1 } })
    expect(story.status).toBe('PENDING')
    expect(story.last('RequestApproved')).toMatchObject({ reason: 'identity', by: 'ada' })
    expect(story.last('IdentifiersResolved')).toMatchObject({ occasion: 'plan', found: { user_id: 1 } })
    expect(story.tell({ type: 'FreezePlan', plan: plan() })).toContain('PassRequested')
  })

  test('are settled the same way at the first step: a new pass takes the place of the one that waited', () => {
    const story = Story.planned()
    story.tell({ type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates: 2 })
    expect(story.code({ type: 'Approve', by: 'ada' })).toBe('ambiguous_subject')
    expect(story.tell({ type: 'NameSubject', by: 'ada', found: { user_id: 1 } })).toEqual([
      'RequestApproved',
      'IdentifiersResolved',
      'PassRequested',
    ])
    expect(story.last('IdentifiersResolved')).toMatchObject({ occasion: 'first_step' })
    expect(story.status).toBe('IN_PROGRESS')
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('illegal_transition')
    expect(story.grant('pg#1/retry-1')).toContain('GrantIssued')
  })

  test('are named only while a review is open', () => {
    const name = { type: 'NameSubject', by: 'ada', found: { user_id: 1 } } as const
    expect(Story.planned().code(name)).toBe('illegal_transition')
  })

  test('a resolution to one person ends the review', () => {
    const story = reviewed(2)
    story.tell({ type: 'RecordResolution', found: { user_id: 1 }, rounds: 1, occasion: 'plan' })
    expect(story.status).toBe('PENDING')
  })

  test('when found out at the first step stop every grant until decided', () => {
    const story = Story.planned()
    story.tell({ type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates: 2 })
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('ambiguous_subject')
    story.tell({ type: 'RecordResolution', found: { user_id: 1 }, rounds: 1, occasion: 'first_step' })
    expect(story.passIds()).toEqual(['pg#1/initial', 'pg#1/retry-1'])
    expect(story.grant('pg#1/retry-1')).toContain('GrantIssued')
    expect(story.code({ type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates: 2 })).toBe(
      'illegal_transition',
    )
  })

  test('the resolution of the first step is recorded once', () => {
    const story = Story.planned()
    const command = {
      type: 'RecordResolution',
      found: { user_id: 1 },
      rounds: 1,
      occasion: 'first_step',
    } as const
    expect(story.tell(command)).toEqual(['IdentifiersResolved'])
    expect(story.tell(command)).toEqual([])
  })
})

describe('an extension', () => {
  const day = (iso: string): number => Date.parse(`${iso}T12:00:00Z`)
  const extend = (newDueAt: number, notifiedAt = START) =>
    ({ type: 'Extend', by: 'ada', newDueAt, notifiedAt, reasonRef: null }) as const

  test('moves the due date within two further months, once', () => {
    const story = Story.planned()
    expect(story.tell(extend(day('2026-05-03')))).toEqual(['RequestExtended'])
    expect(story.state?.dueAt).toBe(day('2026-05-03'))
    expect(story.tell(extend(day('2026-05-03')))).toEqual([])
    expect(story.code(extend(day('2026-04-03')))).toBe('illegal_transition')
  })

  test('is refused beyond the law, after the date, or without telling the person in time', () => {
    expect(Story.planned().code(extend(day('2026-05-04')))).toBe('illegal_transition')
    expect(Story.planned().code(extend(day('2026-03-01')))).toBe('illegal_transition')
    expect(Story.planned().code(extend(day('2026-04-03'), day('2026-03-04')))).toBe('illegal_transition')
    const late = Story.planned(plan(), { graceUntil: START + 100 * 24 * HOUR })
    late.later(29 * 24 * HOUR)
    expect(late.code(extend(day('2026-04-03')))).toBe('illegal_transition')
  })

  test('is refused where the regime knows none', () => {
    expect(Story.planned(plan(), { regime: 'quebec' }).code(extend(day('2026-04-03')))).toBe(
      'illegal_transition',
    )
  })
})
