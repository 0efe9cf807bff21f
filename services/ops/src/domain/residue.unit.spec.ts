import { describe, expect, it } from 'vitest'
import { residueOf } from './residue.js'

describe('what is left of somebody', () => {
  it('is the sum over all collections, and 0 only where a probe found nothing', () => {
    expect(residueOf({ result: 'residual', residual: { users: 2, orders: 1 } })).toBe(3)
    expect(residueOf({ result: 'clean', residual: {} })).toBe(0)
  })

  it('is unknown, never 0, where no probe told, could look, or counted', () => {
    expect(residueOf(null)).toBeNull()
    expect(residueOf({ result: null, residual: {} })).toBeNull()
    expect(residueOf({ result: 'inconclusive', residual: {} })).toBeNull()
    expect(residueOf({ result: 'residual', residual: {} })).toBeNull()
  })
})
