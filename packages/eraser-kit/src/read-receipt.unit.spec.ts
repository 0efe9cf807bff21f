import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readReceipt } from './read-receipt.js'

const kept = {
  ...{ ackId: 'a', requestId: 'r', tenantId: 't', subjectRef: 's', systemId: 'mine', stepId: 'mine#1' },
  ...{ passId: 'mine#1/initial', attempt: 1, startedAt: 1, finishedAt: 2, outcome: 'erased' },
  counts: { users: { found: 2, erased: 2, redacted: 0, retained: 0, failed: 0 } },
  ...{ connectorVersion: '1', grantId: 'g', mac: 'm', position: null },
}
const key = { requestId: 'r', passId: 'mine#1/initial' }
const body = JSON.stringify(kept)

describe('a receipt', () => {
  it('is the acknowledgement that was kept', () => {
    expect(readReceipt({ ...key, body })).toEqual(kept)
  })

  it('of another pass, cut, altered or of any other content is none, and reading it never fails', () => {
    expect(readReceipt({ ...key, requestId: 'other', body })).toBeNull()
    const altered = fc
      .tuple(fc.nat(body.length - 1), fc.nat(body.length), fc.string({ maxLength: 3 }))
      .map(([from, count, put]) => body.slice(0, from) + put + body.slice(from + count))
    const any = fc.oneof(
      fc.string(),
      fc.json(),
      fc.nat(body.length - 1).map((n) => body.slice(0, n)),
      altered,
    )
    fc.assert(
      fc.property(any, (text) => {
        const read = readReceipt({ ...key, body: text })
        if (read === null) return
        expect(read).toMatchObject(key)
        expect(Object.keys(read)).toEqual(expect.arrayContaining(['mac', 'counts', 'outcome']))
      }),
    )
  })

  it.each(Object.keys(kept).filter((name) => name !== 'position'))('without %s is none', (name) => {
    expect(readReceipt({ ...key, body: JSON.stringify({ ...kept, [name]: undefined }) })).toBeNull()
  })
})
