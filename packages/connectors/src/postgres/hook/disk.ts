import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { PrepareError } from './prepare.js'

/** pg_hba files may hold any bytes in their comments; as latin1 every byte comes back as it was. */
const ENCODING = 'latin1'

/** Text of ours, as bytes among those of a file. */
export const asBytes = (text: string): string => Buffer.from(text).toString(ENCODING)
export const asText = (bytes: string): string => Buffer.from(bytes, ENCODING).toString()

/** Files of a server that does not run, with whoever owns its data directory as their owner. */
export class Disk {
  private readonly owner: { readonly uid: number; readonly gid: number }

  constructor(dataDirectory: string) {
    const { uid, gid } = statSync(dataDirectory)
    this.owner = { uid, gid }
  }

  /** Null where there is no such file. */
  readonly read = (path: string): string | null => {
    try {
      return readFileSync(path, ENCODING)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw refused('read', path, error)
    }
  }

  /** Empty where there is no such folder. */
  readonly list = (folder: string): string[] => {
    try {
      return readdirSync(folder)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw refused('read', folder, error)
    }
  }

  folder(path: string): void {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      this.own(path)
    } catch (error) {
      throw refused('make', path, error)
    }
  }

  /** All of it or nothing, also through a crash of the machine. */
  write(path: string, bytes: string, mode = 0o600): void {
    const beside = `${path}.lethe-new`
    try {
      const file = openSync(beside, 'w', mode)
      try {
        // Not writeSync: a disk that fills up takes a part and says nothing.
        writeFileSync(file, Buffer.from(bytes, ENCODING))
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      this.own(beside)
      renameSync(beside, path)
      const folder = openSync(dirname(path), 'r')
      try {
        fsyncSync(folder)
      } finally {
        closeSync(folder)
      }
    } catch (error) {
      throw refused('write', path, error)
    }
  }

  remove(path: string): void {
    try {
      rmSync(path, { force: true })
    } catch (error) {
      throw refused('remove', path, error)
    }
  }

  private own(path: string): void {
    const { uid, gid } = statSync(path)
    if (uid !== this.owner.uid || gid !== this.owner.gid) chownSync(path, this.owner.uid, this.owner.gid)
  }
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? 'unknown')

const refused = (doing: string, path: string, error: unknown) =>
  new PrepareError(
    'not_writable',
    `Can not ${doing} ${path} (${codeOf(error)}): run this as the user the server runs as, or as root.`,
    { cause: error },
  )
