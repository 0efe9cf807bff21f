import { describe, expect, test } from 'vitest'
import { DAY, plan, START, shopPlan, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { steps, systems, verification } from './views.js'

const MINUTE = 60_000
const counted = (n: number) => ({ users: { found: n, erased: n, redacted: 0, retained: 0, failed: 0 } })

/** Told to completion, step after step. */
function erasedShop(): Story {
  const story = Story.planned(shopPlan())
  story.erase('cache#1/initial')
  story.erase('pg#1/initial')
  story.erase('cache#2/initial')
  story.later(5_000)
  return story
}

describe('the steps', () => {
  test('start when those before them are done', () => {
    const story = Story.planned(shopPlan())
    expect(story.passIds()).toEqual(['cache#1/initial'])
    expect(story.erase('cache#1/initial')).toEqual(['PassAcknowledged', 'PassRequested'])
    expect(story.erase('pg#1/initial')).toEqual(['PassAcknowledged', 'PassRequested'])
    expect(story.passIds()).toEqual(['cache#1/initial', 'pg#1/initial', 'cache#2/initial'])
  })

  test('lead to probes after the settle time, and those to completion', () => {
    const story = erasedShop()
    expect(story.status).toBe('AWAITING_VERIFICATION')
    expect(story.probe('pg/probe-1')).toEqual(['ProbeReported'])
    expect(story.probe('cache/probe-1')).toEqual(['ProbeReported', 'RequestLiveErased', 'RequestCompleted'])
    expect(story.status).toBe('COMPLETED')
    expect(verification(story.given)).toMatchObject({ unverified: [], liveErasedAt: story.now })
  })

  test('that run side by side are requested together', () => {
    const both = plan({ steps: [step('a#1'), step('b#1')], systems: [system('a'), system('b')] })
    expect(Story.planned(both).passIds()).toEqual(['a#1/initial', 'b#1/initial'])
  })

  test('are clear of backups when the longest-lived backup has expired', () => {
    const story = erasedShop()
    story.probe('pg/probe-1')
    story.probe('cache/probe-1')
    expect(story.last('RequestCompleted').backupClearAt).toBe(story.now + 90 * DAY)
    expect(verification(story.given).backups.map(({ name, clearAt }) => [name, clearAt - story.now])).toEqual(
      [
        ['nightly', 30 * DAY],
        ['weekly', 90 * DAY],
      ],
    )
    expect(story.later(90 * DAY - 1)).toEqual([])
    expect(story.later(1)).toEqual(['RequestBackupClear'])
    expect(story.later(DAY)).toEqual([])
  })

  test('are not clear of backups before the keys are destroyed, where that is tracked', () => {
    const story = new Story({ destroyedEpochs: [] })
    Object.assign(story, { state: erasedShop().state, now: START + 5_000 })
    story.probe('pg/probe-1')
    story.probe('cache/probe-1')
    expect(story.later(91 * DAY)).toEqual([])
    Object.assign(story.policy, { destroyedEpochs: ['epoch-1'] })
    expect(story.later(0)).toEqual(['RequestBackupClear'])
  })
})

describe('silence', () => {
  test('emits the same pass again with the next attempt, later and later, and then asks an operator', () => {
    const story = Story.planned()
    expect(story.later(MINUTE - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
    expect(story.last('PassRequested')).toMatchObject({ passId: 'pg#1/initial', attempt: 2 })
    expect(story.later(MINUTE)).toEqual([])
    expect(story.later(MINUTE)).toEqual(['PassRequested'])
    story.later(4 * MINUTE)
    story.later(8 * MINUTE)
    expect(story.last('PassRequested').attempt).toBe(5)
    expect(story.later(16 * MINUTE)).toEqual(['RequestFailed'])
    expect(story.last('RequestFailed')).toMatchObject({
      code: 'no_acknowledgement',
      owner: 'operator',
      systemId: 'pg',
    })
    expect(story.status).toBe('FAILED')
    expect(story.later(DAY)).toEqual([])
  })

  test('ends with a late acknowledgement even after the request failed', () => {
    const story = Story.planned()
    for (const minutes of [1, 2, 4, 8, 16]) story.later(minutes * MINUTE)
    expect(story.status).toBe('FAILED')
    expect(story.erase('pg#1/initial')).toEqual(['PassAcknowledged', 'ProbeRequested'])
    expect(story.status).toBe('AWAITING_VERIFICATION')
  })

  test('of a failed pass is ended by an operator’s retry, and the old pass gets no grant', () => {
    const story = Story.planned()
    for (const minutes of [1, 2, 4, 8, 16]) story.later(minutes * MINUTE)
    expect(story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toEqual([
      'RequestRetried',
      'PassRequested',
    ])
    expect(story.last('PassRequested')).toMatchObject({ passId: 'pg#1/retry-1', attempt: 1 })
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('illegal_transition')
    expect(story.code({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toBe('illegal_transition')
  })

  test('is counted from the end of the grant while one is out', () => {
    const story = Story.planned()
    story.now += 59_000
    story.grant('pg#1/initial')
    expect(story.later(10_000 + MINUTE - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
  })
})

describe('a failure', () => {
  test('that may pass is tried again as a new pass after a backoff', () => {
    const story = Story.planned()
    expect(story.fail('pg#1/initial')).toEqual(['PassAcknowledged'])
    expect(story.later(4_999)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
    expect(story.last('PassRequested').passId).toBe('pg#1/retry-1')
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('illegal_transition')
  })

  test('waits as long as the system asks, within a day', () => {
    const story = Story.planned()
    story.fail('pg#1/initial', { nextRetryAt: START + 30 * DAY })
    expect(story.later(DAY - 1)).toEqual([])
    expect(story.later(1)).toEqual(['PassRequested'])
  })

  test('that repeats beyond the bound goes to an operator', () => {
    const story = Story.planned()
    for (const passId of ['pg#1/initial', 'pg#1/retry-1', 'pg#1/retry-2']) {
      story.fail(passId)
      story.later(MINUTE)
    }
    expect(story.fail('pg#1/retry-3')).toEqual(['PassAcknowledged', 'RequestFailed'])
    expect(story.last('RequestFailed')).toMatchObject({ code: 'timeout', owner: 'operator' })
    expect(story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toEqual([
      'RequestRetried',
      'PassRequested',
    ])
    story.fail('pg#1/retry-4')
    expect(story.later(MINUTE)).toEqual(['PassRequested'])
  })

  test.each([
    [{ errorClass: 'terminal', errorCode: 'table_missing' }, 'table_missing', 'operator'],
    [{ errorClass: 'paused', errorCode: 'row_security' }, 'row_security', 'operator'],
    [{ outcome: 'unsupported' }, 'unsupported', 'privacy_officer'],
  ] as const)('%j is not tried again by itself', (over, code, owner) => {
    const story = Story.planned()
    expect(story.fail('pg#1/initial', over)).toEqual(['PassAcknowledged', 'RequestFailed'])
    expect(story.last('RequestFailed')).toMatchObject({ code, owner })
    expect(systems(story.given)[0]?.status).toBe('FAILED')
  })

  test('of one system does not stop another', () => {
    const both = plan({
      steps: [step('a#1'), step('b#1'), step('b#2', ['b#1'])],
      systems: [system('a'), system('b')],
    })
    const story = Story.planned(both)
    story.fail('a#1/initial', { errorClass: 'terminal' })
    expect(story.erase('b#1/initial')).toEqual(['PassAcknowledged', 'PassRequested'])
    expect(story.status).toBe('FAILED')
  })

  test('acknowledged after a success of the same pass changes nothing', () => {
    const story = Story.planned()
    story.later(MINUTE)
    story.grant('pg#1/initial', 2, 'second')
    story.erase('pg#1/initial')
    expect(
      story.acknowledge('pg#1/initial', { ackId: 'late', grantId: 'second', attempt: 2, outcome: 'failed' }),
    ).toEqual([])
    expect(story.status).toBe('AWAITING_VERIFICATION')
  })

  test('is forgotten when a success of the same pass comes late, and the retry is called off', () => {
    const story = Story.planned()
    story.grant('pg#1/initial', 1, 'first')
    story.later(2 * MINUTE)
    story.grant('pg#1/initial', 2, 'second')
    story.acknowledge('pg#1/initial', { ackId: 'a2', grantId: 'second', attempt: 2, outcome: 'failed' })
    story.later(MINUTE)
    expect(story.passIds().at(-1)).toBe('pg#1/retry-1')
    expect(story.acknowledge('pg#1/initial', { grantId: 'first' })).toEqual([
      'PassAcknowledged',
      'ProbeRequested',
    ])
    expect(story.code(story.grantCommand('pg#1/retry-1'))).toBe('illegal_transition')
    expect(story.probe('pg/probe-1')).toContain('RequestCompleted')
  })
})

describe('an acknowledgement', () => {
  test('without a grant of its pass, attempt and system is refused', () => {
    const story = Story.planned()
    const acknowledge = (over: object) => {
      try {
        return story.acknowledge('pg#1/initial', over)
      } catch (error) {
        return String(error)
      }
    }
    expect(acknowledge({})).toMatch('grant_invalid')
    story.grant('pg#1/initial')
    expect(acknowledge({ grantId: 'other' })).toMatch('grant_invalid')
    expect(acknowledge({ attempt: 2 })).toMatch('grant_invalid')
    expect(acknowledge({ systemId: 'cache' })).toMatch('grant_invalid')
    expect(acknowledge({})).toEqual(['PassAcknowledged', 'ProbeRequested'])
  })

  test('counts after its grant has expired', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    story.now += MINUTE - 1
    expect(story.acknowledge('pg#1/initial')).toEqual(['PassAcknowledged', 'ProbeRequested'])
  })

  test('told twice is told once', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    expect(story.acknowledge('pg#1/initial')).toEqual([])
    expect(steps(story.given)[0]?.counts).toEqual(counted(1))
  })

  test('that a person was found nowhere needs a person’s look', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', { outcome: 'not_found' })
    expect(story.probe('pg/probe-1')).toEqual(['ProbeReported', 'ApprovalRequested'])
    expect(story.last('ApprovalRequested').reason).toBe('not_found_everywhere')
    expect(story.tell({ type: 'Approve', by: 'ada' })).toContain('RequestCompleted')
  })

  test('that a person was found nowhere can lead to a refusal', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', { outcome: 'not_found' })
    story.probe('pg/probe-1')
    expect(story.tell({ type: 'Refuse', by: 'ada', ground: 'unknown', citation: 'no such person' })).toEqual([
      'RequestRefused',
    ])
  })
})
