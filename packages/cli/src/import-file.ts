import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UsageError } from './exit.js'

/** A file that is read twice: once to look, once to import. */
export interface TwiceReadable {
  lines(): AsyncIterable<string>
  close(): Promise<void>
}

/**
 * Opens a file, or what comes in where it is `-`. That is kept in a file without a name, which is gone with this
 * process, because nothing is imported before everything was looked at.
 *
 * @throws UsageError when it can't be read
 */
export async function openTwice(file: string, stdin: Readable = process.stdin): Promise<TwiceReadable> {
  if (file !== '-') {
    try {
      const handle = await open(file, 'r')
      return over(handle)
    } catch (cause) {
      throw new UsageError(`the file can't be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'lethe-import-'))
  const path = join(folder, 'lines')
  const writing = await open(path, 'wx', 0o600)
  const handle = await open(path, 'r')
  rmSync(folder, { recursive: true })
  await pipeline(stdin, writing.createWriteStream())
  return over(handle)
}

function over(handle: Awaited<ReturnType<typeof open>>): TwiceReadable {
  return {
    lines: () =>
      createInterface({
        input: handle.createReadStream({ start: 0, autoClose: false, encoding: 'utf8' }),
        crlfDelay: Number.POSITIVE_INFINITY,
      }),
    close: () => handle.close(),
  }
}
