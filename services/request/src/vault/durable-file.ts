import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const SHRED = '.shred'
const TEMPORARY = '.new'

/** Names in a directory survive a crash of the machine only once the directory itself was synced. */
export function syncDirectory(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes a file as a whole or not at all, mode 0600; it is on the disk when this returns. */
export function writeDurably(path: string, content: Buffer | string): void {
  const temporary = `${path}${TEMPORARY}`
  rmSync(temporary, { force: true })
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    const bytes = Buffer.from(content)
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/**
 * Takes a file's content away for good: first its name, so that nobody opens it any more, then its bytes,
 * then its other name. A crash in between leaves a `.shred` file, which `finishShredding` takes up again.
 * The file is gone already: nothing happens.
 */
export function shred(path: string): void {
  if (!existsSync(path)) return
  const doomed = doomedName(path)
  renameSync(path, doomed)
  syncDirectory(dirname(path))
  overwriteAndUnlink(doomed)
}

/**
 * Puts a new version in place of a file and shreds the old one. At each moment the name leads to one whole
 * version, and the old bytes have a name of their own until they are overwritten.
 */
export function replaceAndShred(path: string, content: string): void {
  const doomed = doomedName(path)
  linkSync(path, doomed)
  syncDirectory(dirname(path))
  writeDurably(path, content)
  overwriteAndUnlink(doomed)
}

/**
 * Finishes what a crash interrupted in the folder of this file: old versions that still have a name. One
 * that is still the live file itself only loses its second name. Temporary versions may hold keys as well.
 * Nobody else may be changing the folder: an unfinished version of theirs would be taken for a leftover.
 */
export function finishShredding(path: string, names: (name: string) => boolean): void {
  const folder = dirname(path)
  const live = existsSync(path) ? inodeOf(path) : null
  for (const name of readdirSync(folder)) {
    const left = join(folder, name)
    const doomed = name.endsWith(SHRED) || name.endsWith(TEMPORARY)
    if (!doomed || !names(name)) continue
    if (inodeOf(left) === live) rmSync(left)
    else overwriteAndUnlink(left)
  }
}

const doomedName = (path: string): string =>
  join(dirname(path), `${basename(path)}.${randomBytes(4).toString('hex')}${SHRED}`)

function inodeOf(path: string): bigint {
  const fd = openSync(path, 'r')
  try {
    return fstatSync(fd, { bigint: true }).ino
  } finally {
    closeSync(fd)
  }
}

function overwriteAndUnlink(path: string): void {
  const fd = openSync(path, 'r+')
  try {
    const { size } = fstatSync(fd)
    const noise = randomBytes(size)
    for (let at = 0; at < size; ) at += writeSync(fd, noise, at, size - at, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  rmSync(path)
  syncDirectory(dirname(path))
}
