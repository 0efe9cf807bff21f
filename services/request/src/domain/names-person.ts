import type { Identifier } from './identifier.js'

/** Shorter values stand in ordinary words by chance. */
const shortest = 4

/**
 * Whether a text that will stand in events names the person: it holds one of their identifiers in any case,
 * a phone number however it is grouped, or anything that looks like an e-mail address.
 */
export function namesPerson(text: string, identifiers: readonly Identifier[]): boolean {
  const folded = text.normalize('NFC').toLowerCase()
  const digits = text.replace(/\D/g, '')
  return (
    folded.includes('@') ||
    identifiers.some(({ type, value }) => {
      const wanted = type === 'phone' ? value.replace(/\D/g, '') : value.toLowerCase()
      return wanted.length >= shortest && (type === 'phone' ? digits : folded).includes(wanted)
    })
  )
}
