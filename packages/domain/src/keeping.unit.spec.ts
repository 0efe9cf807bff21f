import { describe, expect, test } from 'vitest'
import { DAY, START } from './testing/fixtures.js'
import { Story } from './testing/story.js'

/** Erased from a system whose backups live thirty days. */
function done(): Story {
  const story = Story.planned()
  story.erase('pg#1/initial')
  story.probe('pg/probe-1')
  expect(story.status).toBe('COMPLETED')
  return story
}
const longer = (until: number, takenAt = START - DAY) =>
  ({ type: 'KeepLonger', systemId: 'pg', takenAt, until }) as const

describe('a backup that is kept longer than its policy', () => {
  test('moves backup-clear and prolongs the tombstone beyond it, once', () => {
    const story = done()
    const until = START + 60 * DAY
    expect(story.tell(longer(until))).toEqual(['TombstoneWritten', 'BackupClearMoved'])
    expect(story.given.backupClearAt).toBe(until)
    expect(story.last('TombstoneWritten').expiresAt).toBe(until + story.policy.tombstoneMarginMs)
    expect(story.tell(longer(until))).toEqual([])
    story.later(45 * DAY)
    expect(story.given.backupClear).toBe(false)
    expect(story.code({ type: 'ConfirmShredded' })).toBe('illegal_transition')
  })

  test('is nothing where it ends within what was counted with, or was taken when the person was gone', () => {
    const story = done()
    expect(story.tell(longer(START + 10 * DAY))).toEqual([])
    expect(story.tell(longer(START + 60 * DAY, story.now + 1))).toEqual([])
    expect(story.tell({ ...longer(START + 60 * DAY), systemId: 'elsewhere' })).toEqual([])
  })

  test('prolongs the tombstone of somebody who is still being erased, and moves the date once there is one', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    const until = START + 60 * DAY
    expect(story.tell(longer(until))).toEqual(['TombstoneWritten'])
    story.acknowledge('pg#1/initial')
    story.probe('pg/probe-1')
    expect(story.tell(longer(until))).toEqual(['BackupClearMoved'])
  })
})
