import { setPriority } from 'node:os'

/**
 * How hard clients knock is part of a proof, and every knock costs a server work: where other tests keep the machine
 * busy, those who knock and the server they knock at go first. Who may not ask for that leaves it as it is.
 */
export function goesFirst(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, -10)
  } catch {
    // Only root may.
  }
}
