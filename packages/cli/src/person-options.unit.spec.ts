import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

it('reads a file letter by letter, and refuses what is no UTF-8 or is not there without repeating its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-identifiers-'))
  const file = join(folder, 'ada@example.com')
  writeFileSync(
    file,
    'user_id= u1 \r\n\nuser_id=u1\0\nemail=zo\u00eb@example.com\nemail=zoe\u0308@example.com',
  )
  expect(givenIdentifiers({ identifiersFrom: file }).map(({ value }) => value)).toEqual([
    ' u1 ',
    'u1\0',
    'zo\u00eb@example.com',
    'zoe\u0308@example.com',
  ])
  writeFileSync(file, Buffer.from('user_id=jos\u00e9', 'latin1'))
  for (const identifiersFrom of [file, `${file}.not-there`]) {
    expect(() => givenIdentifiers({ identifiersFrom })).toThrow(UsageError)
    expect(() => givenIdentifiers({ identifiersFrom })).not.toThrow(/ada@/)
    expect(() => givenIdentifiers({ identifiersFrom })).toThrow(/UTF-8/)
  }
  rmSync(folder, { recursive: true })
})
