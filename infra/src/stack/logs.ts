import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StateDir } from './state.js'

const TAIL_BYTES = 32 * 1024

/**
 * Writes the end of one process's log to `out` and, with `follow`, what is added until the signal is
 * aborted. Throws listing the logs there are when the name is none of them.
 */
export async function logs(
  name: string,
  out: (text: string) => void,
  options: { follow?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  const folder = join(new StateDir().path, 'logs')
  const file = join(folder, `${name}.log`)
  const names = existsSync(folder) ? readdirSync(folder).map((entry) => entry.replace(/\.log$/, '')) : []
  if (!names.includes(name))
    throw new Error(
      `There is no log of that name. ${names.length ? `There are: ${names.sort().join(', ')}` : 'Nothing was started yet.'}`,
    )
  let position = Math.max(0, statSync(file).size - TAIL_BYTES)
  do {
    const size = statSync(file).size
    if (size < position) position = 0
    if (size > position) {
      const stream = createReadStream(file, { start: position, end: size - 1, encoding: 'utf8' })
      for await (const chunk of stream) out(String(chunk))
      position = size
    }
    if (options.follow) await delay(300, undefined, { signal: options.signal }).catch(() => undefined)
  } while (options.follow && !options.signal?.aborted)
}
