import { execFileSync } from 'node:child_process'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { KeyWrapper } from './key-wrapper.js'

const FORMAT = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const COMMAND_MS = 30_000

/** Where it comes from: exactly one of a file, or a command of a shell whose first line of output it is. */
export interface MasterSource {
  readonly file: string | null
  readonly command: string | null
}

/** @throws Error that names the source and never what came out of it. */
export function readMaster({ file, command }: MasterSource): MasterKey {
  if ((file === null) === (command === null)) {
    throw new Error(
      'a key directory needs LETHE_VAULT_MASTER_FILE or LETHE_VAULT_MASTER_COMMAND, one of them',
    )
  }
  const text = file === null ? outputOf(command as string) : contentOf(file)
  const bytes = Buffer.from(text.trim().split('\n')[0] as string, 'base64url')
  if (bytes.length !== 32) throw new Error('the vault master key is not 32 bytes in base64url')
  return new MasterKey(bytes)
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown'
    throw new Error(`the vault master key file ${file} can't be read (${code})`)
  }
}

/** What the command prints beside the key is nobody's business: neither output may reach a log. */
function outputOf(command: string): string {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
    return execFileSync('/bin/sh', ['-c', command], { stdio, timeout: COMMAND_MS, encoding: 'utf8' })
  } catch (error) {
    const status = error instanceof Error && 'status' in error ? error.status : 'unknown'
    throw new Error(`LETHE_VAULT_MASTER_COMMAND failed (exit code ${status})`)
  }
}

/** 32 bytes that wrap the secrets of a key directory; kept in memory, never written by the service. */
export class MasterKey implements KeyWrapper {
  constructor(private readonly bytes: Buffer) {}

  /** format (1 byte) | nonce (12) | ciphertext | tag (16); AES-256-GCM with the name authenticated. */
  wrap(name: string, plain: Buffer): Buffer {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.bytes, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.from(name, 'utf8'))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([Buffer.of(FORMAT), nonce, body, cipher.getAuthTag()])
  }

  unwrap(name: string, wrapped: Buffer): Buffer {
    const refusal = `${name} of the vault key directory does not open under this master key`
    if (wrapped.length < 1 + NONCE_BYTES + TAG_BYTES || wrapped[0] !== FORMAT) throw new Error(refusal)
    const nonce = wrapped.subarray(1, 1 + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.bytes, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(name, 'utf8'))
    decipher.setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES))
    try {
      const body = wrapped.subarray(1 + NONCE_BYTES, wrapped.length - TAG_BYTES)
      return Buffer.concat([decipher.update(body), decipher.final()])
    } catch (cause) {
      throw new Error(refusal, { cause })
    }
  }
}
