import { describe, expect, it } from 'vitest'
import { newCanary, search } from './leak-search.js'

const canary = newCanary()
const email = `${canary.word}.ada+${canary.digits}@example.com`
const phone = `+49${canary.digits}`

const bytesOf = (text: string) => [...Buffer.from(text)]
const hexOf = (byte: number) => byte.toString(16).padStart(2, '0')
const each = (text: string, encode: (hex: string, byte: number) => string) =>
  bytesOf(text)
    .map((byte) => encode(hexOf(byte), byte))
    .join('')
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()

/** As a store, a log or a client may write a text; the beginning of the names is the form that must be found. */
const forms: Record<string, (text: string) => string | Buffer> = {
  plain: (text) => text,
  utf16le: (text) => Buffer.from(text, 'utf16le'),
  utf16be,
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex in capitals': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  percent: (text) => each(text, (hex) => `%${hex}`),
  'percent in capitals': (text) => each(text, (hex) => `%${hex.toUpperCase()}`),
  'percent, twice': (text) => encodeURIComponent(each(text, (hex) => `%${hex.toUpperCase()}`)),
  'json escape': (text) => each(text, (hex) => `\\u00${hex}`),
  'json escape in capitals': (text) => each(text, (hex) => `\\u00${hex.toUpperCase()}`),
  'json escape, twice': (text) => JSON.stringify(each(text, (hex) => `\\u00${hex}`)),
  'byte escape': (text) => each(text, (hex) => `\\x${hex}`),
  'spaced hex': (text) => `<Buffer${each(text, (hex) => ` ${hex}`)}>`,
  'decimal bytes': (text) => JSON.stringify(Buffer.from(`~${text}`)),
  'hex of utf16le': (text) => Buffer.from(text, 'utf16le').toString('hex'),
  'hex of utf16be': (text) => utf16be(text).toString('hex'),
  ...Object.fromEntries(
    [0, 1, 2].flatMap((before) => {
      const framed = (text: string | Buffer) => Buffer.concat([Buffer.alloc(before, 0xff), Buffer.from(text)])
      return [
        [`base64 ${before}`, (text: string) => framed(text).toString('base64')],
        [`base64 url-safe ${before}`, (text: string) => framed(text).toString('base64url')],
        [
          `base64 of utf16le ${before}`,
          (text: string) => framed(Buffer.from(text, 'utf16le')).toString('base64'),
        ],
        [`base64 of utf16be ${before}`, (text: string) => framed(utf16be(text)).toString('base64')],
      ]
    }),
  ),
}

const spellings: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in capitals': (text) => text.toUpperCase(),
  'with a capital in front': (text) => text.charAt(0).toUpperCase() + text.slice(1),
}
/** Base64 of UTF-16 is looked for as it is only. */
const oneSpelling = /^base64 of/

describe('the search', () => {
  const cases = Object.keys(forms).flatMap((form) =>
    Object.keys(spellings)
      .filter((spelling) => spelling === 'as it is' || !oneSpelling.test(form))
      .map((spelling) => [form, spelling] as const),
  )
  it.each(cases)('finds an address and a phone number, %s, %s', (form, spelling) => {
    for (const value of [email, phone]) {
      const written = forms[form]?.(spellings[spelling]?.(value) ?? '') ?? ''
      const bytes = Buffer.concat([Buffer.from([0, 255]), Buffer.from(written), Buffer.from('~')])
      const found = search(bytes, canary).map((hit) => hit.form.replace(', alignment', ''))
      expect(found.some((one) => sameForm(one, form))).toBe(true)
    }
  })

  it('finds an address as a browser encodes it', () => {
    expect(search(Buffer.from(encodeURIComponent(email)), canary)).not.toEqual([])
  })

  it('finds nothing of one canary in another, nor in random bytes', () => {
    const other = newCanary()
    expect(search(Buffer.from(`${other.word} ${other.digits}`), canary)).toEqual([])
  })
})

function sameForm(found: string, planted: string): boolean {
  const name = planted.replace(' in capitals', '').replace(' url-safe', '')
  return found === name || (name.startsWith('base64') && found.startsWith(name.replace(/ \d$/, '')))
}
