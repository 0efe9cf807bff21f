import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { finishShredding, shred, writeDurably } from './durable-file.js'
import { assertEpochName, type EpochKey, type KeyStore } from './key-store.js'
import { type MasterKey, unwrap, wrap } from './master-key.js'

const SUFFIX = '.key'
const INTAKE = 'intake.jwk'

/**
 * Keys in a directory, one file per epoch, each wrapped by a master key that comes from elsewhere: who
 * copies the directory has nothing, and destroying an epoch is shredding one small file. Losing the
 * master key shreds everything. The master is asked for once, when the store is opened.
 */
export class KeyDirectory implements KeyStore {
  private keys: ReadonlyMap<string, EpochKey> = new Map()

  /**
   * @throws when the directory is missing, or a file in it does not open under the master key: starting
   * without it would look like a destroyed epoch.
   */
  constructor(
    private readonly folder: string,
    private readonly master: MasterKey,
  ) {
    if (!isDirectory(folder)) throw new Error(`the vault key directory ${folder} does not exist`)
    this.refresh()
  }

  /** A new directory with one epoch and the intake key pair. @throws when the directory exists */
  static create(folder: string, master: MasterKey, epoch: string, intake: object): KeyDirectory {
    assertEpochName(epoch)
    mkdirSync(folder, { mode: 0o700 })
    writeDurably(join(folder, INTAKE), wrap(master, INTAKE, Buffer.from(JSON.stringify(intake), 'utf8')))
    const store = new KeyDirectory(folder, master)
    store.create(epoch)
    return store
  }

  get intakeJwk(): Readonly<Record<string, unknown>> | null {
    const path = join(this.folder, INTAKE)
    if (!existsSync(path)) return null
    return JSON.parse(unwrap(this.master, INTAKE, readFileSync(path)).toString('utf8'))
  }

  find(epoch: string): EpochKey | null {
    const known = this.keys.get(epoch)
    if (known !== undefined) return known
    // Another process may have made it a moment ago.
    if (isUsable(epoch) && existsSync(this.fileOf(epoch))) this.refresh()
    return this.keys.get(epoch) ?? null
  }

  epochs(): readonly string[] {
    return [...this.keys.keys()]
  }

  create(epoch: string): void {
    assertEpochName(epoch)
    if (existsSync(this.fileOf(epoch))) return this.refresh()
    writeDurably(this.fileOf(epoch), wrap(this.master, epoch, randomBytes(32)))
    this.refresh()
  }

  destroy(epoch: string): void {
    assertEpochName(epoch)
    shred(this.fileOf(epoch))
    this.refresh()
  }

  recover(): void {
    finishShredding(join(this.folder, INTAKE), () => true)
  }

  refresh(): void {
    const names = readdirSync(this.folder).filter((name) => name.endsWith(SUFFIX))
    this.keys = new Map(names.map((name) => this.read(name.slice(0, -SUFFIX.length))))
  }

  private read(epoch: string): [string, EpochKey] {
    const known = this.keys.get(epoch)
    if (known !== undefined) return [epoch, known]
    const key = unwrap(this.master, epoch, readFileSync(this.fileOf(epoch)))
    if (key.length !== 32) throw new Error(`epoch ${epoch} of the vault key directory is not 32 bytes long`)
    return [epoch, { epoch, key }]
  }

  private fileOf(epoch: string): string {
    return join(this.folder, `${epoch}${SUFFIX}`)
  }
}

function isUsable(epoch: string): boolean {
  try {
    assertEpochName(epoch)
    return true
  } catch {
    return false
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
