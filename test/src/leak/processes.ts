import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CanaryPerson } from './canary.js'
import type { Piece } from './places.js'

/** What every process that may be read shows to everybody on the machine: its arguments and its environment. */
export function processes(): Piece[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) =>
      (['cmdline', 'environ'] as const).flatMap((part): Piece[] => {
        const bytes = contentOf(join('/proc', pid, part))
        return bytes ? [{ place: part, name: pid, bytes }] : []
      }),
    )
}

/** Null for another user's process, and for one that has ended since. */
function contentOf(file: string): Buffer | null {
  try {
    return readFileSync(file)
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return null
    throw error
  }
}

/** A process that was told an identifier in the worst ways. Ends when the returned function is called. */
export async function talkativeProcess(person: CanaryPerson): Promise<() => void> {
  const waiting = ['-e', 'process.stdin.resume()', person.userId]
  const child = spawn(process.execPath, waiting, { env: { EMAIL: person.email }, stdio: 'pipe' })
  await once(child, 'spawn')
  return () => child.stdin.end()
}
