import { describe, expect, test } from 'vitest'
import { adviceOn } from './advice.js'
import { attention } from './attention.js'
import { plan, shopPlan, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { systems } from './views.js'

const MINUTE = 60_000

function probed(settleMs = 0): Story {
  const story = Story.planned(plan({ systems: [system('pg', { settleMs })] }))
  story.erase('pg#1/initial')
  return story
}

describe('a probe that a person has look again', () => {
  const again = { type: 'Reprobe', systemId: 'pg' } as const

  function completed(): Story {
    const backups = [{ name: 'nightly', keepMs: 30 * 24 * 60 * MINUTE }]
    const story = Story.planned(plan({ systems: [system('pg', { settleMs: 0, backups })] }))
    story.erase('pg#1/initial')
    story.probe('pg/probe-1')
    expect(story.status).toBe('COMPLETED')
    return story
  }

  test('looks at a completed request, once however often it is asked, and never un-completes it', () => {
    const story = completed()
    expect(story.tell(again)).toEqual(['ProbeRequested'])
    expect(story.last('ProbeRequested')).toMatchObject({ passId: 'pg/probe-2', probeKind: 'recheck' })
    expect(story.tell(again)).toEqual([])
    expect(story.probe('pg/probe-2', 'residual', { residual: { users: 1 } })).toEqual(['ProbeReported'])
    expect(story.status).toBe('COMPLETED')
    expect(systems(story.given)[0]).toMatchObject({ verified: false, probe: { result: 'residual' } })
    // What was found can be looked for once more, after it was removed.
    expect(story.tell(again)).toEqual(['ProbeRequested'])
    expect(story.probe('pg/probe-3')).toEqual(['ProbeReported'])
  })

  test('that never answered can be asked again once it had its time', () => {
    const story = completed()
    story.tell(again)
    story.now += story.policy.probeTimeoutMs
    expect(story.tell(again)).toEqual(['ProbeRequested'])
  })

  test('looks in spite of a hold, and a residue it finds in an open request is erased', () => {
    const story = Story.planned(shopPlan())
    for (const passId of ['cache#1/initial', 'pg#1/initial', 'cache#2/initial']) story.erase(passId)
    story.later(5_000)
    story.probe('pg/probe-1')
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    expect(story.tell(again)).toEqual(['ProbeRequested'])
    expect(story.probe('pg/probe-2', 'residual')).toEqual(['ProbeReported'])
    expect(story.tell({ type: 'Release', holdId: null, by: 'ada' })).toContain('PassRequested')
    expect(story.passIds()).toContain('pg#1/retry-1')
  })

  test('does not look while the system erases or may still settle, nor where there is nothing to look for', () => {
    const story = Story.planned(plan({ systems: [system('pg', { settleMs: 5_000 })] }))
    expect(story.code(again)).toBe('illegal_transition')
    story.erase('pg#1/initial')
    expect(story.code(again)).toBe('illegal_transition')
    story.later(5_000)
    expect(story.code({ type: 'Reprobe', systemId: 'elsewhere' })).toBe('not_found')
    const cancelled = Story.planned(plan({ systems: [system('pg', { settleMs: 0 })] }), {
      graceUntil: Number.MAX_SAFE_INTEGER,
    })
    cancelled.tell({ type: 'Cancel', by: 'portal' })
    expect(cancelled.code(again)).toBe('illegal_transition')
  })
})

describe('a probe', () => {
  test('looks only after the settle time', () => {
    const story = probed(5_000)
    expect(story.later(4_999)).toEqual([])
    expect(story.later(1)).toEqual(['ProbeRequested'])
    expect(story.last('ProbeRequested')).toMatchObject({ passId: 'pg/probe-1', probeKind: 'after_erasure' })
  })

  test('that finds residue opens a new pass and looks again after it', () => {
    const story = probed()
    expect(story.probe('pg/probe-1', 'residual', { residual: { users: 1 } })).toEqual([
      'ProbeReported',
      'PassRequested',
    ])
    expect(story.passIds().at(-1)).toBe('pg#1/retry-1')
    expect(systems(story.given)[0]).toMatchObject({
      status: 'IN_PROGRESS',
      probe: { residual: { users: 1 } },
    })
    expect(story.erase('pg#1/retry-1')).toEqual(['PassAcknowledged', 'ProbeRequested'])
    expect(story.probe('pg/probe-2')).toContain('RequestCompleted')
  })

  test('that finds residue again and again ends with an owner, and never completes', () => {
    const story = probed()
    story.probe('pg/probe-1', 'residual')
    story.erase('pg#1/retry-1')
    story.probe('pg/probe-2', 'residual')
    story.erase('pg#1/retry-2')
    expect(story.probe('pg/probe-3', 'residual')).toEqual(['ProbeReported', 'RequestFailed'])
    expect(story.last('RequestFailed')).toMatchObject({ code: 'residual', systemId: 'pg', owner: 'operator' })
    expect(story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toEqual([
      'RequestRetried',
      'PassRequested',
    ])
    story.erase('pg#1/retry-3')
    expect(story.probe('pg/probe-4')).toContain('RequestCompleted')
  })

  test('that finds residue in a source has what copies it erased and probed again', () => {
    const story = Story.planned(shopPlan())
    for (const passId of ['cache#1/initial', 'pg#1/initial', 'cache#2/initial']) story.erase(passId)
    story.later(5_000)
    story.probe('cache/probe-1')
    story.probe('pg/probe-1', 'residual')
    expect(story.erase('pg#1/retry-1')).toEqual(['PassAcknowledged', 'PassRequested'])
    expect(story.passIds().at(-1)).toBe('cache#2/retry-1')
    story.erase('cache#2/retry-1')
    story.later(5_000)
    expect(story.probe('pg/probe-2')).toEqual(['ProbeReported'])
    expect(story.probe('cache/probe-2')).toContain('RequestCompleted')
  })

  test('that cannot tell is asked again, and never completes the request', () => {
    const story = probed()
    for (const [n, seconds] of [10, 20, 40, 80].entries()) {
      expect(story.probe(`pg/probe-${n + 1}`, 'inconclusive')).toEqual(['ProbeReported'])
      expect(story.later(seconds * 1_000)).toEqual(['ProbeRequested'])
    }
    expect(story.probe('pg/probe-5', 'inconclusive')).toEqual(['ProbeReported'])
    expect(story.later(MINUTE * 60)).toEqual(['RequestFailed'])
    expect(story.last('RequestFailed')).toMatchObject({
      code: 'probe_inconclusive',
      nextStep: 'check_probe_then_retry',
    })
    expect(story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })).toEqual([
      'RequestRetried',
      'ProbeRequested',
    ])
    expect(story.probe('pg/probe-6')).toContain('RequestCompleted')
  })

  /** Every look of a request failed, for this reason. */
  function stuck(reasonCode: string | null) {
    const story = probed()
    for (let n = 1; n <= 5; n++) {
      story.probe(`pg/probe-${n}`, 'inconclusive', { reasonCode })
      story.later(MINUTE * 60)
    }
    const wanted = attention(story.given)
    if (wanted === null) throw new Error('nobody is told')
    return { ...wanted, advice: adviceOn(wanted) }
  }

  test('that may not read a table says so: which system, which code, and what to grant', () => {
    expect(stuck('unreadable_table')).toEqual({
      owner: 'operator',
      nextStep: 'check_probe_then_retry',
      code: 'probe_inconclusive',
      systemId: 'pg',
      reason: 'unreadable_table',
      advice:
        "The probe of pg cannot look (unreadable_table): its role may not read a table that may hold the person. Grant the probe's role the right to read it (lethe map check prints what), then retry pg.",
    })
  })

  test.each([
    ['rls_active', /\(rls_active\): row-level security .* BYPASSRLS, then retry pg\./],
    ['missing_rights', /\(missing_rights\): its role lacks a right\. Grant/],
    ['a_code_of_tomorrow', /The probe of pg cannot look \(a_code_of_tomorrow\): why is in its log/],
    [null, /The probe of pg cannot look \(no reason given\)/],
    ['toString', /The probe of pg cannot look \(no reason given\)/],
  ])('that cannot tell because of %s names its system and what to do', (reasonCode, advice) => {
    expect(stuck(reasonCode).advice).toMatch(advice)
  })

  test('that tells a text of its store in the place of a code is not quoted', () => {
    const shown = JSON.stringify(stuck('permission denied for row (u1, ada@example.com)'))
    expect(shown).not.toMatch(/ada|permission|u1/)
  })

  test('that never answered names its system and where to look', () => {
    const story = probed()
    for (let n = 1; n <= 6; n++) story.later(MINUTE * 60)
    const wanted = attention(story.given)
    expect(wanted).toMatchObject({ code: 'probe_unanswered', systemId: 'pg' })
    expect(wanted && adviceOn(wanted)).toMatch(/^The probe of pg does not answer\..* then retry pg\.$/)
  })

  test('that does not answer is asked again, and its late answer still counts', () => {
    const story = probed()
    expect(story.later(MINUTE)).toEqual(['ProbeRequested'])
    expect(story.last('ProbeRequested')).toMatchObject({ passId: 'pg/probe-2', probeKind: 'recheck' })
    expect(story.probe('pg/probe-1')).toContain('RequestCompleted')
  })

  test('that says clean does not hide the residue another one found at the same time', () => {
    const story = probed()
    story.later(MINUTE)
    story.probe('pg/probe-1', 'residual')
    expect(story.probe('pg/probe-2', 'clean')).not.toContain('RequestCompleted')
    expect(story.status).toBe('IN_PROGRESS')
  })

  test('of before the latest pass proves nothing', () => {
    const story = probed()
    story.later(MINUTE)
    story.probe('pg/probe-1', 'residual')
    story.erase('pg#1/retry-1')
    expect(story.probe('pg/probe-2', 'clean')).toEqual(['ProbeReported'])
    expect(story.status).toBe('AWAITING_VERIFICATION')
  })

  test('told twice, or less, changes nothing; told of residue after completion is recorded without undoing it', () => {
    const story = probed()
    story.probe('pg/probe-1')
    expect(story.probe('pg/probe-1')).toEqual([])
    expect(story.probe('pg/probe-1', 'inconclusive', { reportId: 'other' })).toEqual([])
    expect(story.probe('pg/probe-1', 'residual', { reportId: 'third' })).toEqual(['ProbeReported'])
    expect(story.status).toBe('COMPLETED')
  })

  test('that tells of residue after completion gives the request an owner and a next step again', () => {
    const story = Story.planned(plan({ systems: [system('pg')] }))
    story.erase('pg#1/initial')
    story.probe('pg/probe-1')
    expect(attention(story.given)).toBeNull()
    story.probe('pg/probe-1', 'residual', { reportId: 'late', residual: { users: 1 } })
    expect(attention(story.given)).toEqual({
      owner: 'privacy_officer',
      nextStep: 'check_system_then_ask_anew',
      code: 'residual_after_completion',
      systemId: 'pg',
    })
    expect(systems(story.given)[0]).toMatchObject({ verified: false, probe: { result: 'residual' } })
  })

  test('of before the latest pass raises nothing after completion: the pass was for that', () => {
    const story = probed()
    story.later(MINUTE)
    story.probe('pg/probe-1', 'residual')
    story.erase('pg#1/retry-1')
    story.probe('pg/probe-3')
    expect(story.status).toBe('COMPLETED')
    story.probe('pg/probe-2', 'residual')
    expect(attention(story.given)).toBeNull()
  })

  test('that was not asked for is refused', () => {
    const story = Story.planned()
    expect(() => story.probe('pg/probe-1')).toThrow(/not_found/)
  })

  test('waits until no grant can be used any more', () => {
    const story = Story.planned()
    story.grant('pg#1/initial', 1, 'other')
    expect(story.erase('pg#1/initial')).toEqual(['PassAcknowledged'])
    expect(story.later(9_999)).toEqual([])
    expect(story.later(1)).toEqual(['ProbeRequested'])
  })
})
