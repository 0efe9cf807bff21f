import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a one-time key is bound to; a key for one pass opens no other. */
export type MacScope =
  | {
      readonly purpose: 'ack'
      readonly requestId: string
      readonly systemId: string
      readonly passId: string
      readonly attempt: number
      readonly grantId: string
    }
  | {
      readonly purpose: 'probe'
      readonly requestId: string
      readonly systemId: string
      readonly passId: string
    }

/** The key that goes out with a grant: HMAC-SHA256 of its scope under `LETHE_GRANT_SECRET`. */
export function deriveMacKey(secret: string | Uint8Array, scope: MacScope): Buffer {
  const fields =
    scope.purpose === 'ack'
      ? ['ack', scope.requestId, scope.systemId, scope.passId, scope.attempt, scope.grantId]
      : ['probe', scope.requestId, scope.systemId, scope.passId]
  return createHmac('sha256', secret).update(fields.join('|')).digest()
}

/** A key as it travels in a clearance answer (base64url), or as bytes. */
export type MacKey = string | Uint8Array

/** base64url HMAC-SHA256 over the canonical JSON of `message` without its own `mac`. */
export function macOf(message: object, key: MacKey): string {
  const { mac: _, ...signed } = message as { mac?: unknown }
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64url') : key
  return createHmac('sha256', bytes).update(canonicalJson(signed)).digest('base64url')
}

/** Whether `message.mac` belongs to the message and the key; compares in constant time and never throws. */
export function verifyMac<Message extends { readonly mac: string }>(message: Message, key: MacKey): boolean {
  // As text: decoding would take several spellings of the same bytes. What is no text is nobody's MAC.
  const expected = Buffer.from(macOf(message, key))
  const given = Buffer.from(typeof message.mac === 'string' ? message.mac : '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/**
 * JSON with sorted keys. A field that is `undefined` counts as absent, and one that is `null` as null, so
 * an Avro round trip, which knows only null, must be given null where it matters.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`)
  return `{${fields.join(',')}}`
}
