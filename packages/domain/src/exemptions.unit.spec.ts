import { describe, expect, test } from 'vitest'
import { DAY, plan, START, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { systems } from './views.js'

const MINUTE = 60_000

describe('a vendor that erases later', () => {
  const deferred = {
    outcome: 'deferred',
    vendorRef: 'job-1',
    vendorExpectedAt: START + 12 * 3_600_000,
  } as const

  test('keeps the request open, is polled when it expects to be done, and then probed', () => {
    const story = Story.planned()
    expect(story.erase('pg#1/initial', deferred)).toEqual(['PassAcknowledged'])
    expect(systems(story.given)[0]).toMatchObject({ status: 'DEFERRED', vendorRef: 'job-1' })
    expect(story.later(12 * 3_600_000 - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
    expect(story.last('PassRequested')).toMatchObject({ passId: 'pg#1/initial', attempt: 2 })
    story.grant('pg#1/initial', 2, 'poll')
    const done = { ackId: 'done', grantId: 'poll', attempt: 2 }
    expect(story.acknowledge('pg#1/initial', done)).toEqual(['PassAcknowledged', 'ProbeRequested'])
  })

  test('is asked again and again while it is not done, and may fail', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', deferred)
    story.later(12 * 3_600_000)
    story.grant('pg#1/initial', 2, 'poll')
    const again = { ...deferred, ackId: 'again', grantId: 'poll', attempt: 2, vendorExpectedAt: null }
    expect(story.acknowledge('pg#1/initial', again)).toEqual(['PassAcknowledged'])
    expect(story.later(3_600_000)).toEqual(['PassRequested'])
    story.grant('pg#1/initial', 3, 'poll 2')
    const failed = {
      outcome: 'failed',
      errorClass: 'terminal',
      ackId: 'no',
      grantId: 'poll 2',
      attempt: 3,
    } as const
    expect(story.acknowledge('pg#1/initial', failed)).toEqual(['PassAcknowledged', 'RequestFailed'])
  })

  test('does not hold up the systems after it', () => {
    const both = plan({ steps: [step('a#1'), step('b#1', ['a#1'])], systems: [system('a'), system('b')] })
    const story = Story.planned(both)
    expect(story.erase('a#1/initial', deferred)).toEqual(['PassAcknowledged', 'PassRequested'])
    expect(story.erase('b#1/initial')).toEqual(['PassAcknowledged', 'ProbeRequested'])
    expect(story.probe('b/probe-1')).toEqual(['ProbeReported'])
    expect(story.status).toBe('IN_PROGRESS')
  })
})

describe('what the law keeps', () => {
  const kept = (until: number | null) => ({
    outcome: 'retained' as const,
    retained: [{ category: 'orders', ground: '17(3)(b)', citation: 'tax law', until }],
  })

  test('completes in part, and is taken up again by itself at its date', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', kept(START + 10 * DAY))
    const partly = ['ProbeReported', 'RequestLiveErased', 'RequestPartiallyCompleted']
    expect(story.probe('pg/probe-1')).toEqual(partly)
    expect(story.status).toBe('PARTIALLY_COMPLETED')
    expect(story.last('RequestPartiallyCompleted')).toMatchObject({ resumeAt: START + 10 * DAY })
    expect(systems(story.given)[0]).toMatchObject({ status: 'RETAINED', retained: [{ category: 'orders' }] })
    expect(story.later(10 * DAY - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
    expect(story.last('PassRequested').passId).toBe('pg#1/resume-1')
    story.erase('pg#1/resume-1')
    expect(story.probe('pg/probe-2')).toEqual(['ProbeReported', 'RequestLiveErased', 'RequestCompleted'])
    expect(story.last('RequestCompleted').backupClearAt).toBe(story.now + 30 * DAY)
  })

  test('is not forgotten because a later pass does not name it', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', kept(START + 10 * DAY))
    story.probe('pg/probe-1', 'residual')
    story.erase('pg#1/retry-1')
    expect(story.probe('pg/probe-2')).toContain('RequestPartiallyCompleted')
  })

  test('without a date waits for a person, who can have it tried', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', kept(null))
    story.probe('pg/probe-1')
    expect(story.last('RequestPartiallyCompleted')).toMatchObject({
      resumeAt: null,
      owner: 'privacy_officer',
    })
    expect(story.later(1000 * DAY)).toEqual([])
    expect(story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toEqual([
      'RequestRetried',
      'PassRequested',
    ])
    story.fail('pg#1/resume-1')
    story.later(MINUTE)
    story.erase('pg#1/retry-1')
    expect(story.probe('pg/probe-2')).toContain('RequestCompleted')
  })

  test('and kept beyond its date is asked for daily, not in a loop', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', kept(START + DAY))
    story.probe('pg/probe-1')
    story.later(DAY)
    story.erase('pg#1/resume-1', kept(START + DAY))
    story.probe('pg/probe-2')
    expect(story.later(DAY - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
  })

  test('when a store only expires, backups count from that date', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', {
      outcome: 'expiring',
      expiring: { policy: 'P15D', until: START + 15 * DAY },
    })
    story.probe('pg/probe-1')
    expect(systems(story.given)[0]?.status).toBe('EXPIRING')
    expect(story.last('RequestCompleted').backupClearAt).toBe(START + 45 * DAY)
  })
})
