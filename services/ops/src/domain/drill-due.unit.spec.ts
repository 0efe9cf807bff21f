import { describe, expect, it } from 'vitest'
import { drillsDue } from './drill-due.js'

const drill = (systemId: string, finishedAt: number | null, verdict: string | null) => ({
  systemId,
  finishedAt,
  verdict,
})

describe('a drill', () => {
  it('is due a period after the last one that passed; those that failed, run or prove nothing do not count', () => {
    const drills = [
      drill('pg', 1_000, 'passed'),
      drill('pg', 500, 'passed'),
      drill('pg', 5_000, 'failed'),
      drill('pg', 6_000, 'proves_nothing'),
      drill('pg', null, null),
    ]
    expect(drillsDue(['pg'], drills, 100, 1_050)).toEqual([
      { systemId: 'pg', lastPassedAt: 1_000, dueAt: 1_100, overdue: false, unknown: {} },
    ])
    expect(drillsDue(['pg'], drills, 100, 1_101)).toMatchObject([{ overdue: true }])
  })

  it('that was never passed is overdue', () => {
    expect(drillsDue(['cache'], [drill('pg', 1, 'passed')], 100, 5)).toMatchObject([
      { lastPassedAt: null, dueAt: null, overdue: true, unknown: { dueAt: 'never_passed' } },
    ])
  })

  it('is neither due nor done when nobody says, or asks for any', () => {
    expect(drillsDue(['pg'], null, 100, 5)).toMatchObject([
      { overdue: null, unknown: { overdue: 'restore_unreachable' } },
    ])
    expect(drillsDue(['pg'], [drill('pg', 1, 'passed')], null, 5)).toMatchObject([
      { lastPassedAt: 1, overdue: null, unknown: { overdue: 'no_drill_period' } },
    ])
  })
})
