import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Somebody who may call, with the token in plain text. */
export interface GivenCredential {
  readonly id: string
  readonly token: string
  readonly roles: readonly string[]
  readonly tenants: readonly string[]
  readonly expiresAt?: number
}

/** A credentials file for `LETHE_CREDENTIALS`: the stack's own callers and these. */
export function credentialsWith(stacksFile: string, more: readonly GivenCredential[]): string {
  const known = JSON.parse(readFileSync(stacksFile, 'utf8')) as object[]
  const file = join(mkdtempSync(join(tmpdir(), 'lethe-credentials-')), 'credentials.json')
  const added = more.map(({ token, ...entry }) => ({
    ...entry,
    sha256: createHash('sha256').update(token).digest('hex'),
  }))
  writeFileSync(file, JSON.stringify([...known, ...added]), { mode: 0o600 })
  return file
}
