import { describe, expect, it } from 'vitest'
import { drillOverdue, judged, type ReportedBackup } from './backup.js'

const DAY = 86_400_000
const policies = [
  { name: 'nightly', keepMs: 30 * DAY },
  { name: 'weekly', keepMs: 90 * DAY },
]
const backup: ReportedBackup = {
  systemId: 'shop-pg',
  backupId: 'b1',
  policy: 'nightly',
  takenAt: 0,
  keptUntil: 30 * DAY,
  reportedBy: 'tool',
  reportedAt: 0,
  goneAt: null,
}

describe('a backup', () => {
  it('is fine within its policy, and when it went in time', () => {
    expect(judged(backup, policies, DAY)).toMatchObject({ dueAt: 30 * DAY, alerts: [] })
    expect(judged({ ...backup, keptUntil: null, goneAt: 29 * DAY }, policies, 200 * DAY).alerts).toEqual([])
  })

  it('that is kept past its policy is an alert as soon as somebody says so, and when its time is over', () => {
    expect(judged({ ...backup, keptUntil: 31 * DAY }, policies, DAY).alerts).toEqual(['kept_longer'])
    expect(judged({ ...backup, keptUntil: null }, policies, 31 * DAY).alerts).toEqual(['kept_longer'])
    expect(judged({ ...backup, policy: 'weekly', keptUntil: 31 * DAY }, policies, DAY).alerts).toEqual([])
  })

  it('of a kind the map does not name counts as its longest, and of a system without backups as too long', () => {
    expect(judged({ ...backup, policy: 'hourly', keptUntil: 60 * DAY }, policies, DAY)).toMatchObject({
      dueAt: 90 * DAY,
      alerts: ['unknown_policy'],
    })
    expect(judged({ ...backup, policy: null }, [], DAY)).toMatchObject({
      dueAt: null,
      alerts: ['kept_longer'],
    })
  })
})

describe('a drill', () => {
  it('is overdue when none was passed for its period, and never where none is asked for', () => {
    expect(drillOverdue(null, null, DAY)).toBeNull()
    expect(drillOverdue(null, DAY, 1)).toBe(true)
    expect(drillOverdue(0, DAY, DAY)).toBe(false)
    expect(drillOverdue(0, DAY, DAY + 1)).toBe(true)
  })
})
