import type { Canary } from './canary.js'

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
 * the three alignments, hex, percent-encoded, UTF-16 of both byte orders, escaped as in JSON.
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
  const bytes = Buffer.from(core, 'latin1')
  const each = (encode: (byte: number) => string) => [...bytes].map(encode).join('')
  const hex = (byte: number) => byte.toString(16).padStart(2, '0')
  const folded: [string, string][] = [
    ['plain', core],
    ['hex', bytes.toString('hex')],
    ['percent', each((byte) => `%${hex(byte)}`)],
    ['json escape', each((byte) => `\\u00${hex(byte)}`)],
    ['utf16le', each((byte) => `${String.fromCharCode(byte)}\0`)],
    ['utf16be', each((byte) => `\0${String.fromCharCode(byte)}`)],
    ['spaced hex', each((byte) => ` ${hex(byte)}`)],
    ['decimal bytes', each((byte) => `,${byte}`)],
  ]
  const cases = new Set([core, core.toUpperCase(), core.charAt(0).toUpperCase() + core.slice(1)])
  return [
    ...folded.map(([form, text]) => ({ form, text, exact: false })),
    ...[...cases].flatMap((written) => base64Of(Buffer.from(written, 'latin1'))),
  ]
}

/** The characters that do not depend on what stands before and behind, for each alignment. */
function base64Of(bytes: Buffer): Needle[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor((padded.length * 8) / 6)
    const standard = padded.toString('base64').slice(from, to)
    const url = padded.toString('base64url').slice(from, to)
    const form = `base64, alignment ${before}`
    const both = standard === url ? [standard] : [standard, url]
    return both.map((text) => ({ form, text, exact: true }))
  })
}

function excerptOf(text: string, at: number, length: number): string {
  return text.slice(Math.max(0, at - 60), at + length + 60).replace(/[^\x20-\x7e]/g, '.')
}
