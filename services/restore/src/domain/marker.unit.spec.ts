import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newMarker, originOf } from './marker.js'

const key = { secret: 'a secret of the tests that is long enough', systemId: 'shop-pg', incarnation: 'one' }

describe('a marker', () => {
  it('says when this Lethe wrote it, or that another one did', () => {
    expect(originOf(key, newMarker(key, 1_700_000_000_000, 7))).toEqual({
      by: 'us',
      writtenAt: 1_700_000_000_000,
      mapVersion: 7,
    })
    const theirs = newMarker({ ...key, incarnation: 'two' }, 1, 7)
    expect(originOf(key, theirs)).toEqual({ by: 'another installation' })
  })

  it('of another system, or under another secret, is nobody’s', () => {
    expect(originOf(key, newMarker({ ...key, systemId: 'cache' }, 1, 7))).toEqual({ by: 'nobody' })
    expect(originOf(key, newMarker({ ...key, secret: 'another secret' }, 1, 7))).toEqual({ by: 'nobody' })
    expect(originOf(key, null)).toEqual({ by: 'nobody' })
  })

  it('that is any other text is nobody’s, and reading it never fails', () => {
    const near = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('one', '1', '')), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          near.map((parts) => parts.join('.')),
        ),
        (text) => {
          expect(originOf(key, text)).toEqual({ by: 'nobody' })
        },
      ),
    )
  })

  it('is nobody’s with one character changed, added or gone', () => {
    const whole = newMarker(key, 1_700_000_000_000, 7)
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(1), fc.string({ maxLength: 2 }), (at, cut, put) => {
        const altered = `${whole.slice(0, at)}${put}${whole.slice(at + cut)}`
        fc.pre(altered !== whole)
        expect(originOf(key, altered)).toEqual({ by: 'nobody' })
      }),
    )
  })
})
