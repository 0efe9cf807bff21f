import { describe, expect, it } from 'vitest'
import { canaryOf, type Trial } from './canary.js'

const counts = (more: object = {}) => ({
  users: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0, ...more },
})
const probe = (result: 'clean' | 'residual' | 'inconclusive', reasonCode: string | null = null) => ({
  passId: 'probe-1',
  requestedAt: 40,
  result,
  checkedAt: 50,
  residual: {},
  reasonCode,
})
const trial = (system: Partial<Trial['system'] & object> | null, more: Partial<Trial> = {}): Trial => ({
  drillId: 'drill-1',
  stood: true,
  gaveUpAt: null,
  requestStatus: 'IN_PROGRESS',
  system: system && {
    status: 'COMPLETED',
    counts: counts(),
    finishedAt: 30,
    failure: null,
    probe: probe('clean'),
    verified: true,
    ...system,
  },
  ...more,
})
const failure = { code: 'missing_rights', systemId: 'cache', owner: 'operator', nextStep: 'grant', at: 20 }
const nobody = counts({ found: 0, erased: 0 })

describe('the canary of an eraser', () => {
  it('passed when the made-up person was erased, redacted or lawfully kept, and a probe found nothing of them since', () => {
    const passed = { result: 'passed', at: 50, drillId: 'drill-1', why: null }
    expect(canaryOf([trial({})])).toEqual(passed)
    expect(canaryOf([trial({ counts: counts({ erased: 0, redacted: 1 }) })])).toEqual(passed)
    expect(canaryOf([trial({ status: 'RETAINED', counts: counts({ erased: 0, retained: 1 }) })])).toEqual(
      passed,
    )
  })

  it('failed when the eraser failed, found nobody who was there, left something, or did not answer in time', () => {
    expect(canaryOf([trial({ status: 'FAILED', failure })])).toMatchObject({
      result: 'failed',
      at: 20,
      why: 'missing_rights',
    })
    expect(canaryOf([trial({ counts: nobody })])).toMatchObject({
      result: 'failed',
      at: 30,
      why: 'not_found',
    })
    expect(canaryOf([trial({ counts: {} })])).toMatchObject({ why: 'not_found' })
    expect(canaryOf([trial({ probe: probe('residual'), verified: false })])).toMatchObject({
      result: 'failed',
      at: 50,
      why: 'residual',
    })
    const unanswered = { status: 'IN_PROGRESS', counts: {}, finishedAt: null, verified: false } as const
    expect(canaryOf([trial(unanswered, { gaveUpAt: 90 })])).toMatchObject({
      result: 'failed',
      at: 90,
      why: 'not_done',
    })
  })

  it('is unconfirmed, not passed, when the probe could not tell', () => {
    expect(
      canaryOf([trial({ probe: probe('inconclusive', 'unreadable_table'), verified: false })]),
    ).toMatchObject({ result: 'unconfirmed', why: 'unreadable_table' })
  })

  it('says nothing of what is under way, held, not its turn, never planned, or of a person who may never have stood there', () => {
    const silent: readonly Trial[] = [
      trial({ status: 'IN_PROGRESS', verified: false }),
      trial({ status: 'IN_PROGRESS', verified: false }, { gaveUpAt: 90, requestStatus: 'ON_HOLD' }),
      trial({ status: 'PENDING', counts: {}, verified: false }, { gaveUpAt: 90 }),
      trial({ probe: null, verified: false }),
      trial({ verified: false }),
      trial({ status: 'NOT_APPLICABLE', counts: {} }),
      trial(null, { gaveUpAt: 90 }),
      trial({ counts: nobody }, { stood: false }),
    ]
    for (const one of silent) expect(canaryOf([one])).toBeNull()
    expect(canaryOf([])).toBeNull()
  })

  it('is the latest that says something: an older success hides no later failure, and what says nothing hides neither', () => {
    const good = trial({}, { drillId: 'good' })
    const bad = trial({ status: 'FAILED', failure }, { drillId: 'bad' })
    const running = trial({ status: 'IN_PROGRESS', verified: false }, { drillId: 'running' })
    expect(canaryOf([running, bad, good])?.drillId).toBe('bad')
    expect(canaryOf([running, good, bad])?.drillId).toBe('good')
  })
})
