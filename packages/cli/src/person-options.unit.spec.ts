import fc from 'fast-check'
import { expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { givenIdentifiers } from './person-options.js'

it('reads any text as type=value, or says how it is written without repeating it', {
  timeout: 60_000,
}, () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('=', 'email=', '=x', 'a=b=c', ''))
  fc.assert(
    fc.property(
      fc.array(
        text.map((one) => `${one}`),
        { maxLength: 3 },
      ),
      (identifier) => {
        try {
          for (const { type, value } of givenIdentifiers({ identifier }))
            expect([typeof type, typeof value]).toEqual(['string', 'string'])
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
          expect((error as Error).message).toBe(
            'an identifier is written type=value, e.g. email=someone@example.com',
          )
        }
      },
    ),
  )
  expect(givenIdentifiers({ identifier: ['vendor:stripe=a=b'] })).toEqual([
    { type: 'vendor:stripe', value: 'a=b' },
  ])
})
