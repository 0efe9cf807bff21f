import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { z } from 'zod'
import { readJsonFile } from '../json-file.js'
import { finishShredding, replaceAndShred } from './durable-file.js'
import { assertEpochName, type EpochKey, type KeyStore } from './key-store.js'

const keyFile = z.object({
  epochs: z.record(z.string().min(1), z.base64url()),
  /** Private JWK of the intake key pair (EC P-256). */
  intake: z.record(z.string(), z.unknown()).optional(),
})
type KeyFileContent = z.infer<typeof keyFile>

/**
 * Keys in one JSON file `{epochs: {<epoch>: <32 bytes base64url>}, intake: <private JWK>}`, readable by
 * whoever can read the file. The folder must be writable: each change is a new version of the whole file.
 */
export class KeyFile implements KeyStore {
  private content: KeyFileContent
  private keys: ReadonlyMap<string, EpochKey>
  private stamp = ''

  /** @throws when the file is missing or malformed, or a key is not 32 bytes. Names the place, not the content. */
  constructor(private readonly path: string) {
    this.content = this.read()
    this.keys = keysOf(path, this.content)
  }

  get intakeJwk(): Readonly<Record<string, unknown>> | null {
    return this.content.intake ?? null
  }

  find(epoch: string): EpochKey | null {
    const known = this.keys.get(epoch)
    if (known !== undefined) return known
    // Another process may have made it a moment ago.
    if (stampOf(this.path) !== this.stamp) this.refresh()
    return this.keys.get(epoch) ?? null
  }

  epochs(): readonly string[] {
    return [...this.keys.keys()]
  }

  create(epoch: string): void {
    assertEpochName(epoch)
    this.refresh()
    if (this.keys.has(epoch)) return
    const epochs = { ...this.content.epochs, [epoch]: randomBytes(32).toString('base64url') }
    // The old version holds keys as well, which must not outlive their destruction in freed blocks.
    replaceAndShred(this.path, textOf({ ...this.content, epochs }))
    this.refresh()
  }

  destroy(epoch: string): void {
    this.refresh()
    if (!this.keys.has(epoch)) return
    const { [epoch]: _, ...epochs } = this.content.epochs
    replaceAndShred(this.path, textOf({ ...this.content, epochs }))
    this.refresh()
  }

  recover(): void {
    finishShredding(this.path, (name) => name.startsWith(`${basename(this.path)}.`))
  }

  refresh(): void {
    this.content = this.read()
    this.keys = keysOf(this.path, this.content)
  }

  private read(): KeyFileContent {
    const stamp = stampOf(this.path)
    const parsed = keyFile.safeParse(readJsonFile(this.path))
    if (!parsed.success) {
      const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the file').join(', ')
      throw new Error(`the vault key file ${this.path} is malformed at: ${where}`)
    }
    this.stamp = stamp
    return parsed.data
  }
}

const textOf = ({ epochs, intake }: KeyFileContent): string =>
  `${JSON.stringify({ epochs, ...(intake === undefined ? {} : { intake }) }, null, 2)}\n`

function keysOf(path: string, { epochs }: KeyFileContent): ReadonlyMap<string, EpochKey> {
  const keys = new Map<string, EpochKey>()
  for (const [epoch, encoded] of Object.entries(epochs)) {
    assertEpochName(epoch)
    const key = Buffer.from(encoded, 'base64url')
    if (key.length !== 32)
      throw new Error(`epoch ${epoch} of the vault key file ${path} is not 32 bytes long`)
    keys.set(epoch, { epoch, key })
  }
  return keys
}

/** Each version is another file under the same name. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.ino}:${stat.mtimeNs}`
}
