import { describe, expect, it } from 'vitest'
import { newCanary, personOf } from './canary.js'
import { search } from './search.js'

const canary = newCanary()
const { email, phone } = personOf(canary, 'ada')

const forms: Record<string, (text: string) => Buffer> = {
  plain: (text) => Buffer.from(text),
  'in capitals': (text) => Buffer.from(text.toUpperCase()),
  'base64, 0 before': (text) => Buffer.from(Buffer.from(text).toString('base64')),
  'base64, 1 before': (text) => Buffer.from(Buffer.from(`x${text}y`).toString('base64')),
  'base64, 2 before': (text) => Buffer.from(Buffer.from(`xx${text}yy`).toString('base64')),
  'base64 of capitals': (text) => Buffer.from(Buffer.from(text.toUpperCase()).toString('base64')),
  base64url: (text) => Buffer.from(Buffer.from(`{"e":"${text}"}`).toString('base64url')),
  hex: (text) => Buffer.from(Buffer.from(text).toString('hex')),
  'hex in capitals': (text) => Buffer.from(Buffer.from(text).toString('hex').toUpperCase()),
  'percent-encoded where it must be': (text) => Buffer.from(encodeURIComponent(text)),
  'percent-encoded throughout': (text) =>
    Buffer.from([...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')),
  'UTF-16LE': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16BE': (text) => Buffer.from(text, 'utf16le').swap16(),
  'escaped in JSON': (text) =>
    Buffer.from([...Buffer.from(text)].map((byte) => `\\u00${byte.toString(16)}`).join('')),
  'a Buffer in JSON': (text) => Buffer.from(JSON.stringify(Buffer.from(text))),
}

describe('the search', () => {
  it.each(Object.keys(forms))('finds an address and a phone number written %s', (form) => {
    for (const value of [email, phone]) {
      const bytes = Buffer.concat([
        Buffer.from([0, 255]),
        forms[form]?.(value) ?? Buffer.of(),
        Buffer.from('~'),
      ])
      expect(search(bytes, canary)).not.toEqual([])
    }
  })

  it('finds nothing of one canary in another, nor in random bytes', () => {
    const other = personOf(newCanary(), 'ada')
    expect(search(Buffer.from(JSON.stringify(other)), canary)).toEqual([])
  })
})
