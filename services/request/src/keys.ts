import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { KeyDirectory } from './vault/key-directory.js'
import { readMaster } from './vault/master-key.js'

async function newIntakeKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
  return exportJWK(privateKey)
}

const epochOf = (now: Date): string => now.toISOString().slice(0, 10)

/**
 * Writes a new vault key file: one epoch named after today and an intake key pair, mode 0600.
 * @throws when the file exists: writing over it would shred everything sealed under its keys.
 */
export async function createKeyFile(path: string, now: Date = new Date()): Promise<void> {
  const epoch = epochOf(now)
  const file = {
    epochs: { [epoch]: randomBytes(32).toString('base64url') },
    intake: await newIntakeKey(),
  }
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
}

/**
 * Makes a directory of keys wrapped by the master key in `masterFile`, which is made when it is not there.
 * @throws when the directory exists, or the master key can't be read
 */
export async function createKeyDirectory(
  folder: string,
  masterFile: string,
  now: Date = new Date(),
): Promise<void> {
  if (!existsSync(masterFile))
    writeFileSync(masterFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  const master = readMaster({ file: masterFile, command: null })
  KeyDirectory.create(folder, master, epochOf(now), await newIntakeKey())
}

if (import.meta.filename === process.argv[1]) {
  const [path, option, master] = process.argv.slice(2)
  if (path !== undefined && option === undefined) await createKeyFile(path)
  else if (path !== undefined && option === '--master' && master !== undefined)
    await createKeyDirectory(path, master)
  else {
    process.stderr.write('usage: node keys.js <file to create>\n')
    process.stderr.write('       node keys.js <directory to create> --master <master key file>\n')
    process.exit(64)
  }
}
