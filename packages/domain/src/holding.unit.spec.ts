import { describe, expect, test } from 'vitest'
import { attention } from './attention.js'
import { HELD_WITHOUT_END } from './decide-hold.js'
import { DAY, plan, START, shopPlan } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { alreadyGone } from './views.js'

const hold = (holdId = 'h1') => ({ type: 'Hold', holdId, by: 'ada', reasonRef: null }) as const
const release = (holdId: string | null = null) => ({ type: 'Release', holdId, by: 'ada' }) as const

describe('a hold', () => {
  test('is effective at once when no grant is out', () => {
    const story = Story.planned()
    expect(story.tell(hold())).toEqual(['RequestHeld'])
    expect(story.last('RequestHeld').effectiveAt).toBe(START)
    expect(story.status).toBe('ON_HOLD')
    expect(attention(story.given)).toMatchObject({ owner: 'privacy_officer', code: 'on_hold' })
  })

  test('is effective when the last grant that is out has expired', () => {
    const story = Story.planned()
    story.grant('pg#1/initial', 1, 'g1')
    story.now += 4_000
    story.grant('pg#1/initial', 1, 'g2')
    story.now += 1_000
    story.tell(hold())
    expect(story.last('RequestHeld').effectiveAt).toBe(START + 14_000)
  })

  test('is effective when the page a replay is erasing has run out', () => {
    const story = Story.planned()
    story.tell({ ...hold(), replayingUntil: START + 60_000 })
    expect(story.last('RequestHeld').effectiveAt).toBe(START + 60_000)
  })

  test('counts a second grant of an acknowledged pass as out', () => {
    const story = Story.planned(shopPlan())
    story.grant('cache#1/initial', 1, 'other')
    story.erase('cache#1/initial')
    story.tell(hold())
    expect(story.last('RequestHeld').effectiveAt).toBe(START + 10_000)
    expect(alreadyGone(story.given)).toEqual(['cache'])
  })

  test('stops grants, emissions, retries and probes', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial')
    story.tell(hold())
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('on_hold')
    expect(story.later(DAY)).toEqual([])
    expect(story.code({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toBe('on_hold')
  })

  test('told twice is one hold, and not put back by being told after its release', () => {
    const story = Story.planned()
    story.tell(hold())
    expect(story.tell(hold())).toEqual([])
    story.tell(release('h1'))
    expect(story.tell(hold())).toEqual([])
    expect(story.status).toBe('IN_PROGRESS')
  })

  test('records what was acknowledged meanwhile', () => {
    const story = Story.planned(shopPlan())
    story.grant('cache#1/initial')
    story.tell(hold())
    expect(story.acknowledge('cache#1/initial')).toEqual(['PassAcknowledged'])
    expect(story.tell(release())).toEqual(['RequestReleased', 'TombstoneWritten', 'PassRequested'])
    expect(story.passIds().at(-1)).toBe('pg#1/initial')
  })

  test('holds the tombstones too, until it is released', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.tell(hold())).toEqual(['RequestHeld', 'TombstoneWritten'])
    expect(story.last('TombstoneWritten')).toMatchObject({ sequence: 2, heldUntil: HELD_WITHOUT_END })
    story.tell(release())
    expect(story.last('TombstoneWritten')).toMatchObject({ sequence: 3, heldUntil: null })
  })

  test('of a completed request leaves it completed and keeps it from being backup-clear', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    story.probe('pg/probe-1')
    story.tell(hold())
    expect(story.status).toBe('COMPLETED')
    expect(story.later(31 * DAY)).toEqual([])
    expect(story.tell(release())).toContain('RequestBackupClear')
  })

  test('of a request that was refused or cancelled is refused', () => {
    const story = Story.planned()
    story.tell({ type: 'Cancel', by: 'x' })
    expect(story.code(hold())).toBe('illegal_transition')
  })
})

describe('a release', () => {
  test('emits what was not acknowledged as a new pass, and the old pass gets no grant', () => {
    const story = Story.planned()
    story.tell(hold())
    expect(story.tell(release('h1'))).toEqual(['RequestReleased', 'PassRequested'])
    expect(story.last('PassRequested')).toMatchObject({ passId: 'pg#1/retry-1', attempt: 1 })
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('illegal_transition')
    expect(story.grant('pg#1/retry-1')).toContain('GrantIssued')
  })

  test('is satisfied by a late acknowledgement of the old pass', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    story.tell(hold())
    story.tell(release())
    expect(story.acknowledge('pg#1/initial')).toEqual(['PassAcknowledged', 'ProbeRequested'])
    expect(story.code(story.grantCommand('pg#1/retry-1'))).toBe('illegal_transition')
    expect(story.probe('pg/probe-1')).toContain('RequestCompleted')
  })

  test('of one of two holds changes nothing', () => {
    const story = Story.planned()
    story.tell(hold('h1'))
    story.tell(hold('h2'))
    expect(story.tell(release('h1'))).toEqual(['RequestReleased'])
    expect(story.status).toBe('ON_HOLD')
    expect(story.tell(release('h1'))).toEqual([])
    expect(story.tell(release())).toEqual(['RequestReleased', 'PassRequested'])
    expect(story.code(release('h3'))).toBe('not_found')
  })

  test('within the grace period waits for its end', () => {
    const story = Story.planned(plan(), { graceUntil: START + DAY })
    story.tell(hold())
    expect(story.tell(release())).toEqual(['RequestReleased'])
    expect(story.status).toBe('SCHEDULED')
    expect(story.later(DAY)).toEqual(['PassRequested'])
  })
})

describe('a grant', () => {
  test('lives as long as asked, within the bound', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.last('GrantIssued').expiresAt).toBe(START + 10_000)
    const long = { ...story.grantCommand('pg#1/initial', 1, 'long'), ttlMs: DAY } as Parameters<
      Story['tell']
    >[0]
    story.tell(long)
    expect(story.last('GrantIssued').expiresAt).toBe(START + 60_000)
  })

  test('is never issued for what was not requested, is over, or is another system’s', () => {
    const story = Story.planned(shopPlan())
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('not_found')
    expect(story.code(story.grantCommand('cache#1/initial', 2))).toBe('not_found')
    expect(story.code(story.grantCommand('cache#1/initial', 0))).toBe('not_found')
    const foreign = { ...story.grantCommand('cache#1/initial'), systemId: 'pg' } as Parameters<
      Story['tell']
    >[0]
    expect(story.code(foreign)).toBe('not_found')
    story.erase('cache#1/initial')
    expect(story.code(story.grantCommand('cache#1/initial', 1, 'again'))).toBe('illegal_transition')
  })

  test('is issued once per id, and a bounded number of times per attempt', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.code(story.grantCommand('pg#1/initial'))).toBe('grant_invalid')
    for (let n = 2; n <= 20; n += 1) story.grant('pg#1/initial', 1, `g${n}`)
    expect(story.code(story.grantCommand('pg#1/initial', 1, 'one more'))).toBe('grant_invalid')
  })

  test('of an earlier attempt is still issued, because commands are read in order', () => {
    const story = Story.planned()
    story.later(60_000)
    expect(story.grant('pg#1/initial', 1)).toContain('GrantIssued')
  })

  test('ends the time for cancelling', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.code({ type: 'Cancel', by: 'x' })).toBe('illegal_transition')
  })
})

describe('a tombstone', () => {
  test('is written with the first grant of a system and outlives its longest backup', () => {
    const story = Story.planned(shopPlan())
    expect(story.grant('cache#1/initial')).toEqual(['GrantIssued', 'TombstoneWritten'])
    story.acknowledge('cache#1/initial')
    story.grant('pg#1/initial')
    expect(story.last('TombstoneWritten')).toMatchObject({
      systemId: 'pg',
      sequence: 1,
      effectiveAt: START,
      recurEvery: null,
    })
    expect(story.last('TombstoneWritten').expiresAt).toBe(START + 10_000 + 90 * DAY + 7 * DAY)
  })

  test('is prolonged by a pass that comes long after', () => {
    const story = Story.planned()
    story.fail('pg#1/initial', { nextRetryAt: START + 30 * DAY })
    story.later(DAY)
    expect(story.grant('pg#1/retry-1')).toEqual(['GrantIssued'])
    story.acknowledge('pg#1/retry-1', { outcome: 'failed', errorClass: 'terminal' })
    story.later(20 * DAY)
    story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })
    expect(story.grant('pg#1/retry-2')).toEqual(['GrantIssued', 'TombstoneWritten'])
    expect(story.last('TombstoneWritten')).toMatchObject({ sequence: 2, effectiveAt: START })
  })

  test('is prolonged when a vendor erases long after the grant', () => {
    const story = Story.planned()
    story.erase('pg#1/initial', { outcome: 'deferred' })
    story.now += 40 * DAY
    story.acknowledge('pg#1/initial', { ackId: 'done' })
    const last = story.probe('pg/probe-1')
    expect(last).toEqual(['ProbeReported', 'TombstoneWritten', 'RequestLiveErased', 'RequestCompleted'])
    expect(story.last('TombstoneWritten').expiresAt).toBeGreaterThan(
      story.last('RequestCompleted').backupClearAt,
    )
  })

  test('recurs only where the request says that a law asks for it', () => {
    const story = Story.planned(plan(), { recurEvery: 'P45D' })
    story.grant('pg#1/initial')
    expect(story.last('TombstoneWritten').recurEvery).toBe('P45D')
  })
})
