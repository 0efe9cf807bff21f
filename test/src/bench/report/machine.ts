import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { withClient } from '@lethe/infra'

const run = promisify(execFile)

/** What the figures were measured on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly postgres: string
  /** `fsync` and `synchronous_commit` as the server says. */
  readonly durability: string
  readonly commit: string
  readonly begun: string
  /** Load averages over 1, 5 and 15 minutes; other work on the machine shows here. */
  readonly loadAtBegin: readonly number[]
}

export async function machine(pgUrl: string): Promise<Machine> {
  const postgres = await withClient(pgUrl, async (client) => {
    const { rows } = await client.query<{ version: string; durability: string }>(
      `SELECT current_setting('server_version') AS version,
         'fsync=' || current_setting('fsync') || ' synchronous_commit=' || current_setting('synchronous_commit')
         || ' full_page_writes=' || current_setting('full_page_writes') AS durability`,
    )
    return rows[0]
  })
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    postgres: postgres?.version ?? 'unknown',
    durability: postgres?.durability ?? 'unknown',
    commit: await commit(),
    begun: new Date().toISOString(),
    loadAtBegin: loadavg().map((value) => Math.round(value * 100) / 100),
  }
}

async function commit(): Promise<string> {
  const { stdout } = await run('git', ['rev-parse', '--short', 'HEAD']).catch(() => ({ stdout: 'unknown' }))
  return stdout.trim()
}

/** Whole processor seconds of the machine so far, and those nothing used. */
export function machineSeconds(): { readonly busy: number; readonly idle: number } {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1, 9)
    .map(Number)
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0)
  const all = fields.reduce((sum, value) => sum + value, 0)
  return { busy: (all - idle) / 100, idle: idle / 100 }
}

/** How busy the machine was since then, whoever kept it so. */
export function loadSince(before: ReturnType<typeof machineSeconds>): object {
  const after = machineSeconds()
  const busy = after.busy - before.busy
  return { busyShareOfMachine: busy / (busy + after.idle - before.idle), loadAtEnd: loadavg() }
}
