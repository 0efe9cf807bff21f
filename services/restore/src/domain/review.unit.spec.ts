import { describe, expect, it } from 'vitest'
import { undatedBy, withoutUndated } from './review.js'

describe('undated records', () => {
  it('stay unless somebody decided to erase them and that was not carried out yet', () => {
    expect(undatedBy(undefined)).toBe('leave')
    expect(undatedBy({ decision: null, doneAt: null })).toBe('leave')
    expect(undatedBy({ decision: 'keep', doneAt: null })).toBe('leave')
    expect(undatedBy({ decision: 'erase', doneAt: null })).toBe('take')
    expect(undatedBy({ decision: 'erase', doneAt: 7 })).toBe('leave')
  })

  it('are no residue, and hide none', () => {
    const found = { result: 'residual' as const, residual: { users: 2, orders: 0 } }
    expect(withoutUndated(found)).toBe(found)
    expect(withoutUndated({ ...found, undated: { users: 2 } })).toMatchObject({
      result: 'clean',
      residual: { users: 0, orders: 0 },
    })
    expect(withoutUndated({ ...found, undated: { users: 1 } })).toMatchObject({
      result: 'residual',
      residual: { users: 1 },
    })
    const blind = { result: 'inconclusive' as const, residual: {}, undated: { users: 1 } }
    expect(withoutUndated(blind)).toBe(blind)
  })
})
