import { expect, it } from 'vitest'
import { type Asked, possible } from './possible.js'

const DAY = 86_400_000
const request = (more: Partial<Asked> = {}): Asked => ({
  status: 'IN_PROGRESS',
  regime: 'gdpr',
  receivedAt: 0,
  dueAt: 30 * DAY,
  firstGrantAt: 1,
  backupClear: false,
  holds: [],
  extension: null,
  reviewCode: null,
  awaitingApproval: null,
  ...more,
})
const hold = { holdId: 'h', by: 'o', reasonRef: null, at: 1, effectiveAt: 1 }

it.each([
  ['under way', request(), ['hold', 'extend', 'reprobe']],
  ['not begun', request({ firstGrantAt: null, status: 'SCHEDULED' }), ['refuse', 'hold', 'extend', 'cancel']],
  [
    'over a ceiling',
    request({ awaitingApproval: 'over_ceiling' }),
    ['approve', 'refuse', 'hold', 'extend', 'reprobe'],
  ],
  ['in review', request({ reviewCode: 'ambiguous_subject' }), ['approve', 'hold', 'extend', 'reprobe']],
  ['held', request({ status: 'ON_HOLD', holds: [hold] }), ['hold', 'release', 'extend', 'reprobe']],
  ['failed', request({ status: 'FAILED' }), ['hold', 'extend', 'retry', 'reprobe']],
  ['overdue', request({ dueAt: DAY }), ['hold', 'reprobe']],
  ['completed', request({ status: 'COMPLETED' }), ['hold', 'reprobe']],
  ['completed and held', request({ status: 'COMPLETED', holds: [hold] }), ['hold', 'release', 'reprobe']],
  ['gone everywhere', request({ status: 'COMPLETED', backupClear: true }), []],
  ['refused', request({ status: 'REFUSED' }), []],
] as const)('of a request that is %s it can be asked what is possible, and nothing else', (_, of, verbs) => {
  expect(possible(of, 2 * DAY)).toEqual(verbs)
})
