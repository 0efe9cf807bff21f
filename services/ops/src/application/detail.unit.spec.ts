import { expect, it } from 'vitest'
import { detailOf } from './detail.js'

type Rows = Parameters<typeof detailOf>[0]
const rows = (outcome: string): Rows =>
  ({
    request: { requestId: 'r', backupClear: false },
    steps: [{ detail: { stepId: 's#1', systemId: 's', requestedAt: 1, finishedAt: 2, outcome } }],
    verifications: [],
    tombstones: [],
    advice: null,
  }) as unknown as Rows

it.each([
  ['erased', 2],
  ['not_found', 2],
  ['retained', 2],
  ['failed', null],
])('a step whose pass ended %s shows %s as the time of its erasure', (outcome, at) => {
  expect(detailOf(rows(outcome)).steps[0]?.marks).toMatchObject({ requestedAt: 1, erasedAt: at })
})
