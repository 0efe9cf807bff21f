/** What a caller gives; nothing about `value` is trusted. */
export interface GivenIdentifier {
  readonly type: string
  readonly value: unknown
}

export type NormalisedIdentifier =
  | { readonly ok: true; readonly value: string }
  /** `detail` names the rule and never the value. */
  | { readonly ok: false; readonly code: 'invalid_identifier'; readonly detail: string }

/** RFC 3696, erratum 1690, allows an address 254 characters; 320 is what its parts add up to. */
export const MAX_IDENTIFIER_LENGTH = 320

const vendorType = /^vendor:[a-z0-9][a-z0-9_-]{0,62}$/

/**
 * Brings an identifier into the one form that is digested, sealed and looked up, or refuses it. An
 * identifier must never become a pattern or break out of its place in a key, so what could do
 * either is refused and not escaped. Case is folded in e-mail addresses only; characters that look
 * alike are never folded, because they are other people's.
 */
export function normaliseIdentifier(given: GivenIdentifier): NormalisedIdentifier {
  const text = textOf(given.value)
  if (text === null) {
    return refused('must be a string; send a number beyond 2^53 as a string, or it has lost its last digits')
  }
  if (text.trim() === '') return refused('must not be empty')
  if (text.length > MAX_IDENTIFIER_LENGTH)
    return refused(`must not be longer than ${MAX_IDENTIFIER_LENGTH} characters`)
  // Control and format characters, lone surrogates, unassigned code points.
  if (/\p{C}/u.test(text)) return refused('must not contain control or invisible characters')
  if (given.type === 'user_id') return opaque(text, OPAQUE)
  if (given.type === 'email') return email(text)
  if (given.type === 'phone') return phone(text)
  if (vendorType.test(given.type)) return opaque(text, OPAQUE_OR_BAR)
  return refused('has a type that is not user_id, email, phone or vendor:<name>')
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return typeof value === 'bigint' ? String(value) : null
}

const OPAQUE = /^[\p{L}\p{M}\p{N}._@+=~-]+$/u
const OPAQUE_OR_BAR = /^[\p{L}\p{M}\p{N}._@+=~|-]+$/u

/** Kept byte for byte: whether `u1` and `U1` are one person only the store knows. */
function opaque(text: string, allowed: RegExp): NormalisedIdentifier {
  if (!allowed.test(text))
    return refused('must hold letters, digits and . _ - @ + = ~ only; no wildcard, delimiter or whitespace')
  if (!/[\p{L}\p{N}]/u.test(text)) return refused('must hold at least one letter or digit')
  return { ok: true, value: text }
}

function email(text: string): NormalisedIdentifier {
  const folded = text.normalize('NFC').toLowerCase().normalize('NFC')
  const parts = folded.split('@')
  const [local, domain] = parts
  if (parts.length !== 2 || !local || !domain) return refused('must be an e-mail address with one @')
  // RFC 5322 atext and dots, less * ? % /, which could be read as patterns or paths; RFC 6531 letters.
  if (!/^[\p{L}\p{M}\p{N}.!#$&'+=^_`{|}~-]+$/u.test(local) || !/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) {
    return refused('must be an e-mail address without wildcards, delimiters or whitespace')
  }
  if (/^[.-]|[.-]$|\.\./.test(domain)) return refused('must be an e-mail address with a valid domain')
  if (folded.length > MAX_IDENTIFIER_LENGTH) return refused('is too long')
  return { ok: true, value: folded }
}

/** E.164: a plus and at most 15 digits, the first not 0. No country is guessed. */
function phone(text: string): NormalisedIdentifier {
  const digits = text.replace(/[ ().-]/g, '').replace(/^00/, '+')
  if (!/^\+[1-9][0-9]{6,14}$/.test(digits))
    return refused('must be a phone number with + and its country code')
  return { ok: true, value: digits }
}

function refused(rule: string): NormalisedIdentifier {
  return { ok: false, code: 'invalid_identifier', detail: `the identifier ${rule}` }
}
