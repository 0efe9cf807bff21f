import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DurableFiles } from './durable-files.js'
import { assertUsableName, isUsableName, type KeyStore, secretBytes } from './key-store.js'
import type { KeyWrapper } from './key-wrapper.js'

const SUFFIX = '.key'
const INTAKE = 'intake.jwk'

/**
 * Keys in a directory, one file per epoch, each wrapped by a master key that comes from elsewhere: who
 * copies the directory has nothing, and destroying an epoch is shredding one small file. Losing the
 * master key shreds everything. The master is asked for once, when the store is opened.
 */
export class KeyDirectory implements KeyStore {
  private secrets: ReadonlyMap<string, Buffer> = new Map()

  /**
   * @throws when the directory is missing, or a file in it does not open under the master key: starting
   * without it would look like a destroyed epoch.
   */
  constructor(
    private readonly folder: string,
    private readonly wrapper: KeyWrapper,
    private readonly files: DurableFiles = new DurableFiles(),
  ) {
    if (!isDirectory(folder)) throw new Error(`the vault key directory ${folder} does not exist`)
    this.refresh()
  }

  /** A new directory with one epoch and the intake key pair. @throws when the directory exists */
  static create(folder: string, wrapper: KeyWrapper, epoch: string, intake: object): KeyDirectory {
    assertUsableName(epoch)
    mkdirSync(folder, { mode: 0o700 })
    const jwk = wrapper.wrap(INTAKE, Buffer.from(JSON.stringify(intake), 'utf8'))
    new DurableFiles().write(join(folder, INTAKE), jwk)
    const store = new KeyDirectory(folder, wrapper)
    store.create(epoch)
    return store
  }

  get intakeJwk(): Readonly<Record<string, unknown>> | null {
    const path = join(this.folder, INTAKE)
    if (!existsSync(path)) return null
    return JSON.parse(this.wrapper.unwrap(INTAKE, readFileSync(path)).toString('utf8'))
  }

  find(name: string): Buffer | null {
    const known = this.secrets.get(name)
    if (known !== undefined) return known
    // Another process may have made it a moment ago.
    if (isUsableName(name) && existsSync(this.fileOf(name))) this.refresh()
    return this.secrets.get(name) ?? null
  }

  names(): readonly string[] {
    return [...this.secrets.keys()]
  }

  create(name: string): void {
    assertUsableName(name)
    if (!existsSync(this.fileOf(name)))
      this.files.write(this.fileOf(name), this.wrapper.wrap(name, randomBytes(secretBytes)))
    this.refresh()
  }

  destroy(name: string): void {
    assertUsableName(name)
    this.files.shred(this.fileOf(name))
    this.refresh()
  }

  recover(): void {
    this.files.finish(join(this.folder, INTAKE), () => true)
  }

  refresh(): void {
    const names = readdirSync(this.folder).filter((name) => name.endsWith(SUFFIX))
    this.secrets = new Map(names.map((name) => this.read(name.slice(0, -SUFFIX.length))))
  }

  private read(name: string): [string, Buffer] {
    const known = this.secrets.get(name)
    if (known !== undefined) return [name, known]
    const secret = this.wrapper.unwrap(name, readFileSync(this.fileOf(name)))
    if (secret.length !== secretBytes)
      throw new Error(`${name} of the vault key directory is not 32 bytes long`)
    return [name, secret]
  }

  private fileOf(name: string): string {
    return join(this.folder, `${name}${SUFFIX}`)
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
