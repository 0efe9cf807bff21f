import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { TerminalError } from '@lethe/service-host'
import type { EpochKey, Keyring } from './key-store.js'

const FORMAT = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface Sealed {
  readonly epoch: string
  /** format (1 byte) | nonce (12) | ciphertext | tag (16) */
  readonly sealed: Buffer
}

/** What an entry belongs to: authenticated with it, so that a row moved to another request or system won't open. */
export interface SealContext {
  readonly requestId: string
  readonly systemId: string
}

const associated = (context: SealContext, epoch: string): Buffer =>
  Buffer.from(`${context.requestId}|${context.systemId}|${epoch}`, 'utf8')

/** AES-256-GCM under this key, with a fresh random nonce. */
export function seal({ epoch, key }: EpochKey, context: SealContext, plain: Buffer): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(associated(context, epoch))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return { epoch, sealed: Buffer.concat([Buffer.of(FORMAT), nonce, body, cipher.getAuthTag()]) }
}

/**
 * @throws TerminalError `vault_key_destroyed` when the epoch key is gone, `vault_tampered` when the bytes
 * are not what was sealed for this request and system. Neither message holds anything of the content.
 */
export function unseal(keys: Pick<Keyring, 'find'>, context: SealContext, entry: Sealed): Buffer {
  const found = keys.find(entry.epoch)
  const where = `request ${context.requestId}, system ${context.systemId}, epoch ${entry.epoch}`
  if (found === null)
    throw new TerminalError('vault_key_destroyed', `No key for the vault entry of ${where}.`)
  const { sealed } = entry
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT) {
    throw new TerminalError('vault_tampered', `The vault entry of ${where} has an unknown format.`)
  }
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', found.key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associated(context, entry.epoch))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    const body = sealed.subarray(1 + NONCE_BYTES, sealed.length - TAG_BYTES)
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch (cause) {
    throw new TerminalError('vault_tampered', `The vault entry of ${where} does not open.`, { cause })
  }
}
