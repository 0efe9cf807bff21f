import { describe, expect, test } from 'vitest'
import { adviceOn } from './advice.js'
import { attention } from './attention.js'
import { wakeAt } from './proceed.js'
import { publications } from './publications.js'
import { archivePlan, DAY, plan, START, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { alreadyGone, steps, systems, verification } from './views.js'

const HOUR = 3_600_000
const planned = (graceUntil: number | null = null) => Story.planned(archivePlan(), { graceUntil })
const archive = (story: Story) => systems(story.given).find(({ systemId }) => systemId === 'archive')
const task = (story: Story) => steps(story.given).find(({ stepId }) => stepId === 'archive#1')?.task
const why = (story: Story, command: Parameters<Story['try']>[0]) => {
  const decision = story.try(command)
  return decision.ok ? 'ok' : `${decision.code}: ${decision.detail}`
}

/** The shop is erased and probed; the archive is left. */
function shopErased(story = planned()): Story {
  story.erase('pg#1/initial')
  story.probe('pg/probe-1')
  return story
}

describe('a system that only a person erases from', () => {
  test('has a task when its turn comes, and no eraser or probe is asked', () => {
    const story = planned()
    expect(story.passIds()).toEqual(['archive#1/initial', 'pg#1/initial'])
    const sent = publications(null, story.log, story.given)
    expect(sent.flatMap((one) => (one.type === 'ErasureRequested' ? one.value.passes : []))).toMatchObject([
      { systemId: 'pg' },
    ])
    expect(task(story)).toEqual({
      role: 'operator',
      state: 'open',
      openedAt: START,
      dueAt: START + 14 * DAY,
      taken: null,
      attestation: null,
    })
    expect(attention(story.given)).toEqual({
      owner: 'operator',
      nextStep: 'do_task_then_mark_done',
      code: 'task_open',
      systemId: 'archive',
    })
  })

  test('has none before the grace period is over', () => {
    const story = planned(START + HOUR)
    expect(task(story)).toMatchObject({ state: 'waiting', openedAt: null, dueAt: null })
    expect(why(story, story.takeCommand('archive'))).toContain('the turn of this task has not come')
    expect(attention(story.given)).toBeNull()
    expect(story.later(HOUR)).toEqual(['PassRequested', 'PassRequested'])
  })

  test('keeps nobody waiting: what nothing copies is probed meanwhile', () => {
    const story = shopErased()
    expect(story.status).toBe('IN_PROGRESS')
    expect(verification(story.given)).toMatchObject({
      unverified: ['archive'],
      attested: [],
      liveErasedAt: null,
    })
  })

  test('is attested, never verified, and the end says so', () => {
    const story = shopErased()
    expect(story.take('archive')).toEqual(['TaskTaken', 'TombstoneWritten'])
    story.later(HOUR)
    expect(story.attest('archive', { records: 3 })).toEqual([
      'TaskAttested',
      'RequestLiveErased',
      'RequestCompleted',
    ])
    expect(story.last('RequestCompleted').attested).toEqual(['archive'])
    expect(archive(story)).toMatchObject({ status: 'ATTESTED', verified: false, attested: true, probe: null })
    expect(systems(story.given).find(({ systemId }) => systemId === 'pg')).not.toHaveProperty('attested')
    expect(verification(story.given)).toMatchObject({ unverified: [], attested: ['archive'] })
    expect(archive(story)?.counts).toEqual({
      records: { found: 3, erased: 3, redacted: 0, retained: 0, failed: 0 },
    })
    expect(task(story)).toMatchObject({
      state: 'attested',
      attestation: { outcome: 'erased', records: 3, by: 'ada', evidenceRef: 'note-1', underHold: false },
    })
    const told = publications(null, story.log, story.given).flatMap((one) =>
      one.type === 'ErasureStatusChanged' ? [[one.value.status, one.value.attested]] : [],
    )
    expect(told).toEqual([
      ['accepted', []],
      ['live_erased', ['archive']],
      ['completed', ['archive']],
    ])
  })

  test('keeps its tombstone for as long as its backups live', () => {
    const story = shopErased()
    const tombstone = () => story.given.tombstones.archive
    story.take('archive')
    expect(tombstone()).toMatchObject({ sequence: 1, effectiveAt: START })
    story.later(20 * DAY)
    story.attest('archive')
    expect(story.last('RequestCompleted').backupClearAt).toBe(story.now + 60 * DAY)
    expect(tombstone()?.sequence).toBe(2)
    expect(tombstone()?.expiresAt).toBeGreaterThanOrEqual(story.now + 60 * DAY)
  })

  test('where nobody was found anywhere waits for a second look, as erasers do', () => {
    const story = planned()
    story.erase('pg#1/initial', { outcome: 'not_found', counts: {} })
    story.probe('pg/probe-1')
    story.take('archive')
    expect(story.attest('archive', { outcome: 'not_found', records: 0 })).toEqual([
      'TaskAttested',
      'ApprovalRequested',
    ])
  })

  test('is refused by a plan in which it copies another system', () => {
    const copying = plan({
      steps: [step('archive#1'), step('pg#1')],
      systems: [
        system('archive', { byHand: { role: 'operator', withinMs: DAY }, derivedFrom: ['pg'] }),
        system('pg'),
      ],
    })
    const story = new Story()
    Object.assign(story, { state: Story.planned(plan(), { approvalRequired: true }).state })
    Object.assign(story, { state: { ...story.state, plan: null } })
    expect(story.code({ type: 'FreezePlan', plan: copying })).toBe('map_invalid')
  })
})

describe('taking a task', () => {
  test('is recorded once while its grant lives, and anew when it has expired or another person takes it', () => {
    const story = planned()
    expect(story.take('archive')).toEqual(['TaskTaken', 'TombstoneWritten'])
    expect(story.tell(story.takeCommand('archive', 'ada', 'another'))).toEqual([])
    expect(story.take('archive', 'bob')).toEqual(['TaskTaken'])
    story.later(9 * HOUR)
    expect(story.tell(story.takeCommand('archive', 'ada', 'third'))).toEqual(['TaskTaken'])
  })

  test('begins the erasure: cancelling and refusing come too late', () => {
    const story = planned()
    expect(story.code({ type: 'Cancel', by: 'portal' })).toBe('ok')
    const taken = planned()
    taken.take('archive')
    expect(taken.code({ type: 'Cancel', by: 'portal' })).toBe('illegal_transition')
    expect(taken.code({ type: 'Refuse', by: 'ada', ground: '12(5)', citation: 'x' })).toBe(
      'illegal_transition',
    )
  })

  test('is refused where an eraser works, where there is no such system, and when it is done', () => {
    const story = planned()
    expect(why(story, story.takeCommand('pg'))).toContain('this system has an eraser')
    expect(story.code(story.takeCommand('nothing'))).toBe('not_found')
    story.take('archive')
    story.attest('archive')
    expect(why(story, story.takeCommand('archive'))).toContain('the task is done already')
  })

  test('is for people: no eraser gets a grant for it, and none of its acknowledgements counts', () => {
    const story = planned()
    expect(why(story, story.grantCommand('archive#1/initial'))).toContain('a person erases from this system')
    story.take('archive')
    const { grantId } = story.last('TaskTaken')
    expect(() => story.acknowledge('archive#1/initial', { grantId })).toThrow('grant_invalid')
  })
})

describe('marking a task done', () => {
  test('needs somebody to have taken it', () => {
    const story = planned()
    expect(why(story, story.attestCommand('archive'))).toContain('nobody has taken this task')
    story.take('archive')
    story.later(20 * HOUR)
    expect(story.attest('archive', { by: 'bob' })).toEqual(['TaskAttested'])
  })

  test('twice is once; another result is refused and the first stays', () => {
    const story = planned()
    story.take('archive')
    story.attest('archive', { records: 2 })
    expect(story.attest('archive', { records: 2, evidenceRef: 'note-2' })).toEqual([])
    expect(why(story, story.attestCommand('archive', { records: 3 }))).toContain('with another result')
    expect(task(story)?.attestation).toMatchObject({ records: 2, evidenceRef: 'note-1' })
  })

  test.each([
    [{ outcome: 'erased', records: 0 }, 'erased takes the number of records'],
    [{ outcome: 'not_found', records: 1 }, 'not_found takes none'],
    [{ doneAt: START + DAY }, 'in the future'],
    [{ doneAt: START - 1 }, 'before the request was received'],
  ] as const)('refuses what cannot be so (%#)', (said, says) => {
    const story = planned()
    story.take('archive')
    expect(why(story, story.attestCommand('archive', said))).toContain(says)
  })

  test('is refused of a system with an eraser, and no probe is asked to look', () => {
    const story = planned()
    expect(why(story, story.attestCommand('pg'))).toContain('this system has an eraser')
    story.take('archive')
    story.attest('archive')
    expect(why(story, { type: 'Reprobe', systemId: 'archive' })).toContain('no probe can look into it')
  })
})

describe('a task and a hold', () => {
  test('cannot be taken, which says that nothing may be erased', () => {
    const story = planned()
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    expect(why(story, story.takeCommand('archive'))).toBe(
      'on_hold: the request is on hold: nothing may be erased now',
    )
    expect(why(story, story.attestCommand('archive'))).toContain(
      'on_hold: the request is on hold, and nobody had taken',
    )
    expect(task(story)?.state).toBe('stopped')
    expect(attention(story.given)?.code).toBe('on_hold')
  })

  test('is in effect when whoever took it can be at it no more', () => {
    const story = planned()
    story.take('archive')
    story.later(HOUR)
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    expect(story.last('RequestHeld').effectiveAt).toBe(START + 8 * HOUR)
  })

  test.each([
    ['before it', -1, false],
    ['as it came', 0, true],
    ['in spite of it', DAY, true],
  ] as const)('what was done %s is recorded, as what it is', (_when, after, underHold) => {
    const story = planned()
    story.take('archive')
    const heldAt = story.now + HOUR
    story.later(HOUR)
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    story.later(2 * DAY)
    expect(story.attest('archive', { doneAt: heldAt + after })).toEqual(['TaskAttested'])
    expect(story.last('TaskAttested')).toMatchObject({ underHold, doneAt: heldAt + after })
    expect(story.status).toBe('ON_HOLD')
    expect(alreadyGone(story.given)).toEqual(['archive'])
    expect(task(story)).toMatchObject({ state: 'attested', attestation: { underHold } })
    story.tell({ type: 'Release', holdId: null, by: 'ada' })
    expect(story.passIds().filter((passId) => passId.startsWith('archive'))).toEqual(['archive#1/initial'])
  })

  test('after the hold is a new task with its whole time; what was taken before may still be marked done', () => {
    const story = planned()
    story.take('archive')
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    story.later(10 * DAY)
    story.tell({ type: 'Release', holdId: null, by: 'ada' })
    expect(story.passIds()).toContain('archive#1/retry-1')
    expect(task(story)).toMatchObject({ state: 'open', dueAt: story.now + 14 * DAY })
    expect(story.attest('archive')).toEqual(['TaskAttested'])
    expect(story.last('TaskAttested').passId).toBe('archive#1/initial')
    expect(task(story)?.state).toBe('attested')
  })
})

describe('a task that takes too long', () => {
  test('fails with its owner and what to do, and is healed by being done', () => {
    const story = shopErased()
    expect(wakeAt(story.given, story.policy)).toBe(START + 14 * DAY)
    expect(story.later(14 * DAY - 1)).toEqual([])
    expect(story.later(1)).toEqual(['RequestFailed'])
    expect(story.status).toBe('FAILED')
    const wanted = attention(story.given)
    expect(wanted).toMatchObject({
      owner: 'operator',
      code: 'task_overdue',
      nextStep: 'do_task_then_mark_done',
    })
    expect(wanted && adviceOn(wanted)).toContain('overdue')
    expect(story.later(DAY)).toEqual([])
    story.take('archive')
    expect(story.attest('archive')).toContain('RequestCompleted')
  })

  test('can be given its time anew, but not before it is overdue', () => {
    const story = shopErased()
    expect(story.code({ type: 'RetrySystem', systemId: 'archive', by: 'op' })).toBe('illegal_transition')
    story.later(14 * DAY)
    expect(story.tell({ type: 'RetrySystem', systemId: 'archive', by: 'op' })).toEqual([
      'RequestRetried',
      'PassRequested',
    ])
    expect(story.status).toBe('IN_PROGRESS')
    expect(task(story)?.dueAt).toBe(story.now + 14 * DAY)
  })
})
