import { describe, expect, it } from 'vitest'
import { hindranceOf } from './hindrance.js'
import { bulkVerbs } from './permissions.js'
import { type Asked, possible } from './possible.js'

const request = (change: Partial<Asked> = {}): Asked => ({
  status: 'IN_PROGRESS',
  regime: 'gdpr',
  receivedAt: 1_000,
  dueAt: 9_000,
  firstGrantAt: null,
  backupClear: false,
  holds: [],
  extension: null,
  reviewCode: null,
  awaitingApproval: null,
  ...change,
})

describe('what hinders an action', () => {
  it('is nothing exactly where the action is possible, and says why otherwise', () => {
    const statuses = [
      'PENDING',
      'IN_PROGRESS',
      'FAILED',
      'ON_HOLD',
      'COMPLETED',
      'REFUSED',
      'CANCELLED',
    ] as const
    for (const status of statuses)
      for (const firstGrantAt of [null, 2_000])
        for (const backupClear of [false, true])
          for (const now of [5_000, 10_000])
            for (const verb of bulkVerbs) {
              const asked = request({ status, firstGrantAt, backupClear })
              expect(hindranceOf(verb, asked, now) === null, `${verb} of ${status}`).toBe(
                possible(asked, now).includes(verb),
              )
            }
  })

  it('has a word for each', () => {
    expect(hindranceOf('cancel', request({ firstGrantAt: 2_000 }), 0)).toBe('erasing_has_begun')
    expect(hindranceOf('cancel', request({ status: 'CANCELLED' }), 0)).toBe('has_ended')
    expect(hindranceOf('release', request(), 0)).toBe('not_held')
    expect(hindranceOf('retry', request(), 0)).toBe('not_failed')
    expect(hindranceOf('approve', request(), 0)).toBe('nothing_to_approve')
    expect(hindranceOf('extend', request(), 9_001)).toBe('past_its_deadline')
    expect(hindranceOf('hold', request({ status: 'COMPLETED', backupClear: true }), 0)).toBe('backup_clear')
  })
})
