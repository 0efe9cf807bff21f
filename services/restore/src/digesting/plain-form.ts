import { MAX_IDENTIFIER_LENGTH } from '@lethe/domain'

/**
 * Writes the normal form of a value to `out`, and tells how many bytes that is; -1 where this does not know, so that
 * `normaliseIdentifier` has to be asked. What it knows is the same: a property test holds the two against each other.
 */
export type PlainForm = (value: Uint8Array, from: number, to: number, out: Uint8Array) => number

/** Bytes `out` has room for: a normal form has as many UTF-16 units, of three bytes at most. */
export const WIDEST = 3 * MAX_IDENTIFIER_LENGTH

const UNKNOWN = -1
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'

/** Nearly all identifiers are short texts of ASCII that are normal already, and need no string to be told so. */
export function plainFormOf(type: string): PlainForm {
  if (type === 'user_id') return opaque('._@+=~-')
  if (type === 'email') return email
  if (type === 'phone') return phone
  return type.startsWith('vendor:') ? opaque('._@+=~-|') : () => UNKNOWN
}

/** What each byte becomes; 0 for one that is not known. */
function table(characters: string, folded = ''): Uint8Array {
  const bytes = new Uint8Array(256)
  for (const byte of Buffer.from(characters)) bytes[byte] = byte
  for (const byte of Buffer.from(folded)) bytes[byte] = byte | 32
  return bytes
}

const ALNUM = table(LETTERS + LETTERS.toUpperCase() + DIGITS)

function opaque(others: string): PlainForm {
  const known = table(LETTERS + LETTERS.toUpperCase() + DIGITS + others)
  return (value, from, to, out) => {
    if (to - from > MAX_IDENTIFIER_LENGTH) return UNKNOWN
    let named = 0
    for (let n = from; n < to; n++) {
      const byte = value[n] as number
      if (known[byte] === 0) return UNKNOWN
      named |= ALNUM[byte] as number
      out[n - from] = byte
    }
    return named === 0 ? UNKNOWN : to - from
  }
}

const LOCAL = table(`${LETTERS}${DIGITS}.!#$&'+=^_\`{|}~-`, LETTERS.toUpperCase())
const DOMAIN = table(`${LETTERS}${DIGITS}.-`, LETTERS.toUpperCase())
const code = (character: string): number => character.charCodeAt(0)
const [AT, DOT, HYPHEN, PLUS, ZERO] = [code('@'), code('.'), code('-'), code('+'), code('0')]

/** One @, something before it, and behind it no dot or hyphen at an end, and no two dots. */
function email(value: Uint8Array, from: number, to: number, out: Uint8Array): number {
  if (to - from > MAX_IDENTIFIER_LENGTH) return UNKNOWN
  let sign = from
  while (sign < to && value[sign] !== AT) sign++
  if (sign === from || sign >= to - 1) return UNKNOWN
  for (let n = from; n < to; n++) {
    const byte = n === sign ? AT : ((n < sign ? LOCAL : DOMAIN)[value[n] as number] as number)
    if (byte === 0) return UNKNOWN
    if (byte === DOT && n > sign && value[n - 1] === DOT) return UNKNOWN
    out[n - from] = byte
  }
  const isEdge = (byte: number | undefined) => byte === DOT || byte === HYPHEN
  return isEdge(value[sign + 1]) || isEdge(value[to - 1]) ? UNKNOWN : to - from
}

/** In E.164 already. */
function phone(value: Uint8Array, from: number, to: number, out: Uint8Array): number {
  const digits = to - from - 1
  if (digits < 7 || digits > 15 || value[from] !== PLUS || value[from + 1] === ZERO) return UNKNOWN
  out[0] = PLUS
  for (let n = from + 1; n < to; n++) {
    const byte = value[n] as number
    if (byte < ZERO || byte > ZERO + 9) return UNKNOWN
    out[n - from] = byte
  }
  return to - from
}
