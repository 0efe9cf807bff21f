import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { exportJWK, generateKeyPair } from 'jose'

/**
 * Writes a new vault key file: one epoch named after today's month and an intake key pair, mode 0600.
 * @throws when the file exists: writing over it would shred everything sealed under its keys.
 */
export async function createKeyFile(path: string, now: Date = new Date()): Promise<void> {
  const epoch = now.toISOString().slice(0, 7)
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
  const file = {
    epochs: { [epoch]: randomBytes(32).toString('base64url') },
    intake: await exportJWK(privateKey),
  }
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
}

if (import.meta.filename === process.argv[1]) {
  const path = process.argv[2]
  if (path === undefined) {
    process.stderr.write('usage: node keys.js <file to create>\n')
    process.exit(64)
  }
  await createKeyFile(path)
}
