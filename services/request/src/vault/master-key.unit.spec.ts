import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readMaster } from './master-key.js'

const folder = mkdtempSync(join(tmpdir(), 'lethe-master-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'master')
const read = () => readMaster({ file, command: null })

describe('the master key of a key directory', () => {
  it('is read from its first line, and opens what it wrapped', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), (key, name) => {
        writeFileSync(file, `${Buffer.from(key).toString('base64url')}\nanything\n`)
        expect(
          read()
            .unwrap(name, read().wrap(name, Buffer.from('secret')))
            .toString(),
        ).toBe('secret')
      }),
      { numRuns: 30 },
    )
  })

  it('of any other content is refused without a word of it', () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.base64String({ maxLength: 80 }).map((some) => Buffer.from(`canary${some}`)),
    )
    fc.assert(
      fc.property(content, (bytes) => {
        writeFileSync(file, bytes)
        const first = bytes.toString('utf8').trim().split('\n')[0] ?? ''
        fc.pre(Buffer.from(first, 'base64url').length !== 32)
        expect(read).toThrow('the vault master key is not 32 bytes in base64url')
      }),
      { numRuns: 50 },
    )
  })

  it('unwraps nothing that was altered', () => {
    writeFileSync(file, Buffer.alloc(32, 7).toString('base64url'))
    const master = read()
    const wrapped = master.wrap('epoch', Buffer.from('secret'))
    fc.assert(
      fc.property(fc.nat(wrapped.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const altered = Buffer.from(wrapped)
        altered[at] = (altered[at] ?? 0) ^ by
        expect(() => master.unwrap('epoch', altered)).toThrow('does not open under this master key')
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => master.unwrap('epoch', Buffer.from(bytes))).toThrow(
          'does not open under this master key',
        )
      }),
    )
  })
})
