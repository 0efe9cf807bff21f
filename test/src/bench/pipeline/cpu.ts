import { readdirSync, readFileSync } from 'node:fs'

/** Jiffies per second of /proc; 100 on every Linux that Node runs on. */
const TICKS = 100

interface Stat {
  readonly ppid: number
  /** Own time, and that of children that have ended, in seconds. */
  readonly seconds: number
  readonly rssBytes: number
}

const PAGE_BYTES = 4_096

/** Processor seconds that a process and everything it started have used so far. A process that ended is 0. */
export function cpuSeconds(pid: number): number {
  const table = processTable()
  const sum = (at: number): number => {
    const own = table.get(at)?.seconds ?? 0
    const children = [...table].filter(([, { ppid }]) => ppid === at)
    return children.reduce((total, [child]) => total + sum(child), own)
  }
  return sum(pid)
}

/** Resident bytes of one process, without its children. */
export const rssBytes = (pid: number): number => statOf(String(pid))?.rssBytes ?? 0

function processTable(): Map<number, Stat> {
  const table = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = statOf(name)
    if (stat) table.set(Number(name), stat)
  }
  return table
}

function statOf(pid: string): Stat | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // It ended while we looked.
    return null
  }
  // The name in parentheses may hold spaces; everything after it is plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return { ppid: Number(fields[1]), seconds: ticks / TICKS, rssBytes: Number(fields[21]) * PAGE_BYTES }
}
