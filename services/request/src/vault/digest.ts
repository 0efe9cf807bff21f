import { createHmac } from 'node:crypto'
import type { Identifier } from '../domain/identifier.js'

export interface Pepper {
  /** `v1`, `v2`, ... the prefix of its digests. */
  readonly version: string
  readonly secret: string
}

/**
 * Live peppers from `v1=<secret>,v2=<secret>`, newest last. Digests are written and looked up under all of them.
 * @throws when an entry has no version, a version appears twice, or a secret is shorter than 16 characters.
 */
export function parsePeppers(text: string): readonly Pepper[] {
  const peppers = text.split(',').map((part) => {
    const match = /^(v\d+)=(.{16,})$/.exec(part.trim())
    if (match === null) {
      throw new Error('peppers are written v1=<secret of at least 16 characters>, separated by commas')
    }
    return { version: match[1] as string, secret: match[2] as string }
  })
  if (new Set(peppers.map((pepper) => pepper.version)).size !== peppers.length) {
    throw new Error('a pepper version appears twice')
  }
  return peppers
}

/** `<version>.` + base64url HMAC-SHA256(pepper, JSON [purpose or tenant parts]); JSON keeps the parts apart. */
function keyed(pepper: Pepper, parts: readonly string[]): string {
  const mac = createHmac('sha256', pepper.secret).update(JSON.stringify(parts)).digest('base64url')
  return `${pepper.version}.${mac}`
}

/** One digest per live pepper and identifier. The identifiers must be normalised. */
export function digestsOf(
  peppers: readonly Pepper[],
  tenantId: string,
  identifiers: readonly Identifier[],
): string[] {
  const digests = new Set<string>()
  for (const { type, value } of identifiers) {
    for (const pepper of peppers) digests.add(keyed(pepper, [tenantId, type, value]))
  }
  return [...digests].sort()
}

/** Digests of a caller's Idempotency-Key, one per live pepper; keys of different callers never meet. */
export function idempotencyDigests(
  peppers: readonly Pepper[],
  callerId: string,
  idempotencyKey: string,
): string[] {
  return peppers.map((pepper) => keyed(pepper, ['idempotency-key', callerId, idempotencyKey]))
}
