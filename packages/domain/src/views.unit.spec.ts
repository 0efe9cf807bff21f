import { describe, expect, test } from 'vitest'
import { evolve, fold } from './evolve.js'
import { START, shopPlan } from './testing/fixtures.js'
import { Story } from './testing/story.js'
import { alreadyGone, steps, systems, verification } from './views.js'

const counted = (erased: number) => ({
  users: { found: erased, erased, redacted: 0, retained: 0, failed: 0 },
})

describe('the views of a request', () => {
  test('list every system of the plan, and with its reason each that does not apply', () => {
    const story = Story.planned(shopPlan())
    expect(
      systems(story.given).map(({ systemId, status, notApplicable }) => [systemId, status, notApplicable]),
    ).toEqual([
      ['cache', 'IN_PROGRESS', null],
      ['pg', 'PENDING', null],
      ['crm', 'NOT_APPLICABLE', 'not used by this tenant'],
    ])
    expect(verification(story.given).unverified).toEqual(['cache', 'pg'])
  })

  test('sum the counts of every pass, so that a retry does not hide what the first pass erased', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial', { counts: counted(3) })
    story.erase('pg#1/initial', { counts: counted(5) })
    story.erase('cache#2/initial', { counts: counted(1) })
    story.later(5_000)
    story.probe('pg/probe-1', 'residual')
    story.erase('pg#1/retry-1', { counts: counted(2) })
    const [cache, pg] = systems(story.given)
    expect(cache?.counts).toEqual(counted(4))
    expect(pg?.counts).toEqual(counted(7))
    expect(steps(story.given).map(({ stepId, status, passes }) => [stepId, status, passes])).toEqual([
      ['cache#1', 'COMPLETED', 1],
      ['pg#1', 'COMPLETED', 2],
      ['cache#2', 'IN_PROGRESS', 2],
    ])
  })

  test('call a system verified only once it is settled and probed clean since', () => {
    const story = Story.planned(shopPlan())
    for (const passId of ['cache#1/initial', 'pg#1/initial', 'cache#2/initial']) story.erase(passId)
    story.later(5_000)
    expect(verification(story.given).unverified).toEqual(['cache', 'pg'])
    story.probe('pg/probe-1')
    expect(verification(story.given).unverified).toEqual(['cache'])
    story.probe('cache/probe-1', 'inconclusive', { reasonCode: 'replica_lag' })
    expect(verification(story.given).unverified).toEqual(['cache'])
    expect(systems(story.given)[0]?.probe).toMatchObject({
      result: 'inconclusive',
      reasonCode: 'replica_lag',
    })
  })

  test('name what is gone already when a hold comes late', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial', { outcome: 'not_found' })
    expect(alreadyGone(story.given)).toEqual([])
    story.erase('pg#1/initial')
    expect(alreadyGone(story.given)).toEqual(['pg'])
  })

  test('show residue that was reported after completion, without undoing it', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    story.probe('pg/probe-1')
    story.probe('pg/probe-1', 'residual', { reportId: 'late', residual: { users: 1 } })
    expect(verification(story.given)).toMatchObject({ status: 'COMPLETED', unverified: ['pg'] })
  })
})

describe('a stream that cannot be', () => {
  test('is refused and not guessed at', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    const [first, ...rest] = story.log
    expect(() => fold(rest)).toThrow(/must begin with RequestReceived/)
    const orphan = rest.filter((event) => event.type !== 'PassRequested')
    expect(() => fold(first ? [first, ...orphan] : [])).toThrow(/before requesting it/)
  })

  test('of a later version is refused too', () => {
    const unknown = JSON.parse(`{"type":"SubjectSplit","data":{"at":${START}}}`)
    expect(() => evolve(Story.planned().given, unknown)).toThrow(/upgrade/)
  })

  test('of nothing is no request', () => {
    expect(fold([])).toBe(null)
  })
})
