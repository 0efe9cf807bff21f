import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { readJsonFile } from '@lethe/service-host'
import { z } from 'zod'
import { DurableFiles } from './durable-files.js'
import { assertUsableName, type KeyStore, pepperPrefix, secretBytes } from './key-store.js'

const named = z.record(z.string().min(1), z.base64url())
const keyFile = z.object({
  epochs: named,
  peppers: named.default({}),
  /** Private JWK of the intake key pair (EC P-256). */
  intake: z.record(z.string(), z.unknown()).optional(),
})
type Content = z.infer<typeof keyFile>

/**
 * Secrets in one JSON file `{epochs: {<epoch>: <32 bytes base64url>}, peppers: {…}, intake: <private JWK>}`,
 * readable by whoever can read the file. The folder must be writable: each change is a new version of the
 * whole file, and the old one is overwritten.
 */
export class KeyFile implements KeyStore {
  private content: Content
  private secrets: ReadonlyMap<string, Buffer>
  private stamp = ''

  /** @throws when the file is missing or malformed, or a key is not 32 bytes. Names the place, not the content. */
  constructor(
    private readonly path: string,
    private readonly files: DurableFiles = new DurableFiles(),
  ) {
    this.content = this.read()
    this.secrets = secretsOf(path, this.content)
  }

  get intakeJwk(): Readonly<Record<string, unknown>> | null {
    return this.content.intake ?? null
  }

  find(name: string): Buffer | null {
    const known = this.secrets.get(name)
    if (known !== undefined) return known
    // Another process may have made it a moment ago.
    if (stampOf(this.path) !== this.stamp) this.refresh()
    return this.secrets.get(name) ?? null
  }

  names(): readonly string[] {
    return [...this.secrets.keys()]
  }

  create(name: string): void {
    assertUsableName(name)
    this.refresh()
    if (this.secrets.has(name)) return
    const place = placeOf(name)
    const secret = randomBytes(secretBytes).toString('base64url')
    // The old version holds keys as well, which must not outlive their destruction in freed blocks.
    this.change({ ...this.content, [place]: { ...this.content[place], [name]: secret } })
  }

  destroy(name: string): void {
    this.refresh()
    if (!this.secrets.has(name)) return
    const place = placeOf(name)
    const { [name]: _, ...rest } = this.content[place]
    this.change({ ...this.content, [place]: rest })
  }

  recover(): void {
    this.files.finish(this.path, (name) => name.startsWith(`${basename(this.path)}.`))
  }

  refresh(): void {
    this.content = this.read()
    this.secrets = secretsOf(this.path, this.content)
  }

  private change(content: Content): void {
    this.files.replace(this.path, `${JSON.stringify(content, null, 2)}\n`)
    this.refresh()
  }

  private read(): Content {
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

const placeOf = (name: string): 'epochs' | 'peppers' => (name.startsWith(pepperPrefix) ? 'peppers' : 'epochs')

function secretsOf(path: string, { epochs, peppers }: Content): ReadonlyMap<string, Buffer> {
  const secrets = new Map<string, Buffer>()
  for (const [name, encoded] of [...Object.entries(epochs), ...Object.entries(peppers)]) {
    assertUsableName(name)
    const secret = Buffer.from(encoded, 'base64url')
    if (secret.length !== secretBytes)
      throw new Error(`epoch ${name} of the vault key file ${path} is not 32 bytes long`)
    secrets.set(name, secret)
  }
  return secrets
}

/** Each version is another file under the same name. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.ino}:${stat.mtimeNs}`
}
