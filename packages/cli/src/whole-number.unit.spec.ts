import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { wholeNumber } from './whole-number.js'

const days = wholeNumber('--grace-days', 0, 60)

describe('the number of an option', () => {
  it.each(['', ' ', '0x10', '1e2', '-1', '1.5', '٣', 'NaN', 'Infinity', '61', '7 days'])(
    '%j is none, and is told what one is',
    (text) => {
      expect(() => days(text)).toThrow(new UsageError('--grace-days takes a whole number from 0 to 60'))
    },
  )

  it('is read from its digits alone, whatever is typed', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.double().map(String), fc.nat().map(String)),
        (text) => {
          try {
            const value = days(text)
            expect(text).toMatch(/^\d+$/)
            expect(BigInt(text)).toBe(BigInt(value))
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError)
          }
        },
      ),
    )
    for (let value = 0; value <= 60; value++) expect(days(String(value))).toBe(value)
  })
})
