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
        tombstoneIds: ['t1', 't2', 't3', 't4'],
        requestIds: ['r1', 'r2', 'r3', 'r4'],
        mapVersions: [1, 1, 2, 1],
        held: [1],
        ceilingWaived: [0],
        codes: [null, null, 'gone', 'not_found'],
        subjectRefs: ['s', null, 's', null],
        tenantIds: ['t', null, 't', null],
        receivedAt: [1, null, 1, null],
        identifiers: { counts: [2, 0, 0, 0], types: ['email', 'user_id'], values: ['a@example.com', '7'] },
        digests: { counts: [0, 0, 2, 0], values: ['v1.x', 'v2.y'] },
      },
    })
  })
})
