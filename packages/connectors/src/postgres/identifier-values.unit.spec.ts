import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Column } from './catalogue.js'
import { lowerAscii, typedValue } from './identifier-values.js'

const column = (base: string): Column => ({
  name: 'c',
  type: base,
  base,
  notNull: true,
  hasDefault: false,
  generated: false,
  maxLength: null,
})

/** Any code points but halves of pairs, NUL and combining marks included. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff })), {
    maxLength: 12,
  })
  .map((points) => String.fromCodePoint(...points))

describe('an identifier in the type of its column', () => {
  test('an integer column takes exactly what it would print back', () => {
    for (const base of ['int2', 'int4', 'int8'])
      fc.assert(
        fc.property(
          fc.oneof(
            fc.string(),
            fc.bigInt().map(String),
            fc.integer().map((n) => ` ${n}`),
          ),
          (value) => {
            const typed = typedValue(column(base), 'user_id', value)
            const bits = { int2: 16, int4: 32, int8: 64 }[base] as number
            const exact =
              /^-?\d+$/.test(value) &&
              String(BigInt(value)) === value &&
              BigInt.asIntN(bits, BigInt(value)) === BigInt(value)
            expect(typed).toBe(exact ? value : null)
          },
        ),
      )
  })

  test('a text column takes the value unchanged, or nobody when it can not hold it', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const holds = value !== '' && !value.includes('\0')
        expect(typedValue(column('text'), 'user_id', value) === (holds ? value : null)).toBe(true)
      }),
    )
    expect(typedValue(column('text'), 'user_id', 'u\ud800')).toBeNull()
    expect(typedValue(column('bpchar'), 'user_id', 'u1 ')).toBeNull()
  })

  test('uuid and numeric take their own spelling only', () => {
    const uuid = '6F9619FF-8B86-D011-B42D-00CF4FC964FF'
    expect(typedValue(column('uuid'), 'user_id', uuid)).toBe(uuid.toLowerCase())
    expect(typedValue(column('uuid'), 'user_id', `{${uuid}}`)).toBeNull()
    expect(
      ['1', '1.5', '-2', '1.50', '1e3', 'NaN'].map((value) =>
        typedValue(column('numeric'), 'user_id', value),
      ),
    ).toEqual(['1', '1.5', '-2', null, null, null])
    expect(typedValue(column('jsonb'), 'user_id', '1')).toBeNull()
  })

  test('e-mails fold A to Z and nothing else', () => {
    expect(typedValue(column('text'), 'email', 'Ada.É@X.test')).toBe('ada.É@x.test')
    fc.assert(
      fc.property(anyText, (value) => {
        const folded = lowerAscii(value)
        expect(folded).toHaveLength(value.length)
        for (const [at, letter] of [...folded].entries())
          if (letter !== [...value][at]) expect([...value][at]).toMatch(/^[A-Z]$/)
      }),
    )
  })
})
