import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'

const SHRED = '.shred'
const TEMPORARY = '.new'

/** What is asked of the file system; a spec fails each call in turn. */
export type FileCalls = Pick<
  typeof fs,
  'openSync' | 'closeSync' | 'fsyncSync' | 'writeSync' | 'renameSync' | 'linkSync' | 'rmSync' | 'fstatSync'
>

/**
 * Writes and destroys small files so that a crash at any call leaves the old content or the new one, and
 * nothing that was destroyed under a name that `finish` does not find.
 */
export class DurableFiles {
  constructor(private readonly calls: FileCalls = fs) {}

  /** Writes a file as a whole or not at all, mode 0600; it is on the disk when this returns. */
  write(path: string, content: Buffer | string): void {
    const temporary = `${path}${TEMPORARY}`
    this.calls.rmSync(temporary, { force: true })
    this.withFile(temporary, 'wx', (fd) => {
      const bytes = Buffer.from(content)
      for (let at = 0; at < bytes.length; ) at += this.calls.writeSync(fd, bytes, at)
      this.calls.fsyncSync(fd)
    })
    this.calls.renameSync(temporary, path)
    this.syncFolder(path)
  }

  /**
   * Takes a file's content away for good: first its name, so that nobody opens it any more, then its bytes,
   * then its other name. A crash in between leaves a `.shred` file, which `finish` takes up again.
   * The file is gone already: nothing happens.
   */
  shred(path: string): void {
    if (!fs.existsSync(path)) return
    const doomed = doomedName(path)
    this.calls.renameSync(path, doomed)
    this.syncFolder(path)
    this.overwriteAndUnlink(doomed)
  }

  /**
   * Puts a new version in place of a file and shreds the old one. At each moment the name leads to one whole
   * version, and the old bytes have a name of their own until they are overwritten.
   */
  replace(path: string, content: string): void {
    const doomed = doomedName(path)
    this.calls.linkSync(path, doomed)
    this.syncFolder(path)
    this.write(path, content)
    this.overwriteAndUnlink(doomed)
  }

  /**
   * Finishes what a crash interrupted in the folder of this file: old versions that still have a name. One
   * that is still the live file itself only loses its second name. Temporary versions may hold keys as well.
   * Nobody else may be changing the folder: an unfinished version of theirs would be taken for a leftover.
   */
  finish(path: string, isOurs: (name: string) => boolean): void {
    const folder = dirname(path)
    const live = fs.existsSync(path) ? this.inodeOf(path) : null
    for (const name of fs.readdirSync(folder)) {
      const left = join(folder, name)
      if (!(name.endsWith(SHRED) || name.endsWith(TEMPORARY)) || !isOurs(name)) continue
      if (this.inodeOf(left) === live) this.calls.rmSync(left)
      else this.overwriteAndUnlink(left)
    }
  }

  private overwriteAndUnlink(path: string): void {
    this.withFile(path, 'r+', (fd) => {
      const { size } = this.calls.fstatSync(fd)
      const noise = randomBytes(size)
      for (let at = 0; at < size; ) at += this.calls.writeSync(fd, noise, at, size - at, at)
      this.calls.fsyncSync(fd)
    })
    this.calls.rmSync(path)
    this.syncFolder(path)
  }

  /** Names in a directory survive a crash of the machine only once the directory itself was synced. */
  private syncFolder(path: string): void {
    this.withFile(dirname(path), 'r', (fd) => this.calls.fsyncSync(fd))
  }

  private inodeOf(path: string): bigint {
    return fs.statSync(path, { bigint: true }).ino
  }

  private withFile(path: string, flags: string, work: (fd: number) => void): void {
    const fd = this.calls.openSync(path, flags, 0o600)
    try {
      work(fd)
    } finally {
      this.calls.closeSync(fd)
    }
  }
}

const doomedName = (path: string): string =>
  join(dirname(path), `${basename(path)}.${randomBytes(4).toString('hex')}${SHRED}`)
