import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { processIdentity } from './process-identity.js'
import type { StateDir } from './state.js'

interface Holder {
  pid: number
  identity: string | null
}

/** Runs the work while no other process changes this stack. A lock whose holder has died is taken over. */
export async function withLock<T>(state: StateDir, work: () => Promise<T>): Promise<T> {
  const file = state.file('lock')
  take(file)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file: string): void {
  const me: Holder = { pid: process.pid, identity: processIdentity(process.pid) }
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(file, JSON.stringify(me), { flag: 'wx' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = read(file)
    if (holder && processIdentity(holder.pid) === holder.identity)
      throw new Error(
        `Process ${holder.pid} is starting or stopping this stack right now. Try again when it is done.`,
      )
    rmSync(file, { force: true })
  }
  throw new Error(`The lock ${file} could not be taken`)
}

/** Null when the file is gone or was cut off by a crash: both mean that nobody holds it. */
function read(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return null
  }
}
