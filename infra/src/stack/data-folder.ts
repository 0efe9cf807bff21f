import { createHash } from 'node:crypto'
import { rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { StateDir } from './state.js'

/**
 * Folder of a server's data: below the state folder, unless the server runs as another user who cannot
 * get there (a clone below /root); then among the system's temporary files, under a name that belongs to
 * this state folder.
 */
export function dataFolder(state: StateDir, name: string, asOtherUser: boolean): string {
  const inside = state.folder('data')
  return join(asOtherUser && !passable(inside) ? outside(state) : inside, name)
}

/** Removes what `dataFolder` put outside the state folder. Idempotent. */
export function dropOutsideData(state: StateDir): void {
  rmSync(outside(state), { recursive: true, force: true })
}

function outside(state: StateDir): string {
  const owner = createHash('sha256').update(state.path).digest('hex').slice(0, 10)
  return join(tmpdir(), `lethe-${owner}`)
}

/** True when every folder on the way may be passed by anyone. */
function passable(folder: string): boolean {
  for (let at = folder; at !== dirname(at); at = dirname(at))
    if ((statSync(at).mode & 0o001) === 0) return false
  return true
}
