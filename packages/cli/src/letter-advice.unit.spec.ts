import fc from 'fast-check'
import { expect, it } from 'vitest'
import { adviceOnLetters } from './letter-advice.js'

it('says once per code what to do, for letters of an unknown schema and for those cut off', () => {
  expect(adviceOnLetters(['undecodable', 'schema_unknown', 'undecodable'])).toEqual([
    expect.stringMatching(/^schema_unknown: .*Register the schema/),
    expect.stringMatching(/^undecodable: .*Find who writes to the topic/),
  ])
})

it('says something to do for any code, those of tomorrow included', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom('toString', '__proto__')), (code) => {
      const [line = ''] = adviceOnLetters([code])
      expect(line.startsWith(`${code}: `)).toBe(true)
      expect(line.slice(code.length)).toMatch(/redrive|ask anew|sending it again/)
    }),
  )
})
