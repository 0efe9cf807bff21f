import { randomInt } from 'node:crypto'

const letters = 'bcdfghjklmnpqrstvwxz'

/** Letters and digits that stand nowhere but in the identifiers made of them. */
export interface Canary {
  /** 14 letters; in everything but the phone number. */
  readonly word: string
  /** 12 digits; in the phone number and beside the word elsewhere. */
  readonly digits: string
}

export function newCanary(): Canary {
  const word = Array.from({ length: 14 }, () => letters[randomInt(letters.length)]).join('')
  const digits = Array.from({ length: 12 }, (_, at) => String(randomInt(at === 0 ? 1 : 0, 10))).join('')
  return { word, digits }
}

interface Needle {
  readonly form: string
  readonly text: string
  /** Compared with the text as it is; the others with the text in lower case. */
  readonly exact: boolean
}

export interface Hit {
  readonly form: string
  /** What stands around it, with bytes that do not print as dots. */
  readonly excerpt: string
}

/**
 * Finds a canary in bytes, in whatever form it was written: plain in any case, base64 and base64url at each of
 * the three alignments, hex, percent-encoded, UTF-16 of both byte orders, escaped as in JSON. Of the encoded
 * forms, the word in lower case, in capitals and with a capital in front.
 */
export function search(bytes: Buffer, canary: Canary): Hit[] {
  return searchAll(bytes, [canary])[0] as Hit[]
}

/** The same for several canaries, reading the bytes once; one list of hits per canary. */
export function searchAll(bytes: Buffer, canaries: readonly Canary[]): Hit[][] {
  const text = bytes.toString('latin1')
  const folded = text.toLowerCase()
  return canaries.map((canary) =>
    needlesFor(canary).flatMap(({ form, text: wanted, exact }) => {
      const at = (exact ? text : folded).indexOf(wanted)
      return at < 0 ? [] : [{ form, excerpt: excerptOf(text, at, wanted.length) }]
    }),
  )
}

const known = new WeakMap<Canary, readonly Needle[]>()

function needlesFor(canary: Canary): readonly Needle[] {
  const needles = known.get(canary) ?? [...needlesOf(canary.word), ...needlesOf(canary.digits)]
  known.set(canary, needles)
  return needles
}

function needlesOf(core: string): Needle[] {
  // Codes of letters differ with their case, so each way of writing the word has needles of its own.
  const cases = [...new Set([core, core.toUpperCase(), core.charAt(0).toUpperCase() + core.slice(1)])]
  return [
    ...asWritten(core),
    ...cases.flatMap((written) => [...inCodes(written), ...base64Of('base64', Buffer.from(written))]),
    ...base64Of('base64 of utf16le', Buffer.from(core, 'utf16le')),
    ...base64Of('base64 of utf16be', Buffer.from(core, 'utf16le').swap16()),
  ]
}

/** Forms in which a letter stays a letter; looked for in text that is all lower case. */
function asWritten(core: string): Needle[] {
  const each = (encode: (letter: string) => string) => [...core].map(encode).join('')
  const forms = {
    plain: core,
    utf16le: each((letter) => `${letter}\0`),
    utf16be: each((letter) => `\0${letter}`),
  }
  return Object.entries(forms).map(([form, text]) => ({ form, text, exact: false }))
}

/** Forms in which every letter is a number; their hex digits are looked for in either case. */
function inCodes(written: string): Needle[] {
  const bytes = [...Buffer.from(written, 'latin1')]
  const each = (encode: (hex: string, byte: number) => string) =>
    bytes.map((byte) => encode(byte.toString(16).padStart(2, '0'), byte)).join('')
  const forms = {
    hex: each((hex) => hex),
    percent: each((hex) => `%${hex}`),
    'percent, twice': each((hex) => `%25${hex}`),
    'json escape': each((hex) => `\\u00${hex}`),
    'json escape, twice': each((hex) => `\\\\u00${hex}`),
    'byte escape': each((hex) => `\\x${hex}`),
    'spaced hex': each((hex) => ` ${hex}`),
    'decimal bytes': each((_hex, byte) => `,${byte}`),
    'hex of utf16le': each((hex) => `${hex}00`),
    'hex of utf16be': each((hex) => `00${hex}`),
  }
  return Object.entries(forms).map(([form, text]) => ({ form, text, exact: false }))
}

/** The characters that do not depend on what stands before and behind, for each alignment. */
function base64Of(name: string, bytes: Buffer): Needle[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor((padded.length * 8) / 6)
    const standard = padded.toString('base64').slice(from, to)
    const url = padded.toString('base64url').slice(from, to)
    const form = `${name}, alignment ${before}`
    const both = standard === url ? [standard] : [standard, url]
    return both.map((text) => ({ form, text, exact: true }))
  })
}

function excerptOf(text: string, at: number, length: number): string {
  return text.slice(Math.max(0, at - 60), at + length + 60).replace(/[^\x20-\x7e]/g, '.')
}
