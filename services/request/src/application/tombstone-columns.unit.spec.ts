import { describe, expect, it } from 'vitest'
import { inColumns } from './tombstone-columns.js'

const found = { mapVersion: 1, effectiveAt: 5, expiresAt: 9, ceilingWaived: false, held: false }
const person = { subjectRef: 's', tenantId: 't', receivedAt: 1 }

describe('a page in columns', () => {
  it('tells of everybody what the rows tell', () => {
    const tombstones = [
      {
        ...found,
        tombstoneId: 't1',
        requestId: 'r1',
        ceilingWaived: true,
        subject: {
          ...person,
          identifiers: [
            { type: 'email' as const, value: 'a@example.com' },
            { type: 'user_id' as const, value: '7' },
          ],
        },
      },
      { ...found, tombstoneId: 't2', requestId: 'r2', held: true, subject: null },
      {
        ...found,
        tombstoneId: 't3',
        requestId: 'r3',
        mapVersion: 2,
        subject: null,
        code: 'gone',
        digested: { ...person, digests: ['v1.x', 'v2.y'] },
      },
      { ...found, tombstoneId: 't4', requestId: 'r4', subject: null, code: 'not_found' },
    ]
    expect(inColumns({ validUntil: 5, tombstones })).toEqual({
      validUntil: 5,
      columns: {
        tombstoneIds: { lengths: { values: [2], counts: [4] }, text: 't1t2t3t4' },
        requestIds: { lengths: { values: [2], counts: [4] }, text: 'r1r2r3r4' },
        mapVersions: { values: [1, 2, 1], counts: [2, 1, 1] },
        held: [1],
        ceilingWaived: [0],
        codes: { values: [null, 'gone', 'not_found'], counts: [2, 1, 1] },
        subjectRefs: { lengths: { values: [1, -1, 1, -1], counts: [1, 1, 1, 1] }, text: 'ss' },
        tenantIds: { values: ['t', null, 't', null], counts: [1, 1, 1, 1] },
        receivedAt: { values: [1, null, 1, null], counts: [1, 1, 1, 1] },
        identifiers: {
          counts: { values: [2, 0], counts: [1, 3] },
          types: { values: ['email', 'user_id'], counts: [1, 1] },
          values: { lengths: { values: [13, 1], counts: [1, 1] }, text: 'a@example.com7' },
        },
        digests: {
          counts: { values: [0, 2, 0], counts: [2, 1, 1] },
          values: { lengths: { values: [4], counts: [2] }, text: 'v1.xv2.y' },
        },
      },
    })
  })
})
