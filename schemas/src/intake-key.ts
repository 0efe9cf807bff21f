import { createHmac } from 'node:crypto'

/**
 * Name of an intake message: its record key, and what `erasure.status` repeats. A digest keyed with the
 * caller's token, since callers put e-mail addresses into idempotency keys. base64url HMAC-SHA256.
 */
export function intakeKeyOf(token: string, idempotencyKey: string): string {
  return createHmac('sha256', token).update(idempotencyKey).digest('base64url')
}
