import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StateDir } from '@lethe/infra'

/** libfaketime, where the system has it; or why clocks can not be moved. */
export function findFaketime(): { library: string } | { reason: string } {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].flatMap((folder) => [
    join(folder, 'faketime'),
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, 'faketime')) : []),
  ])
  const library = folders.map((folder) => join(folder, 'libfaketimeMT.so.1')).find((file) => existsSync(file))
  return library ? { library } : { reason: 'libfaketime is not installed (Debian: apt-get install faketime)' }
}

/** Moves the wall clock of single processes through a file each of them reads. Timers keep their pace. */
export class Clocks {
  constructor(
    private readonly library: string,
    private readonly state: StateDir,
  ) {}

  /** What a process needs so that its clock can be moved. */
  environment(name: string): Record<string, string> {
    this.move(name, 0)
    return {
      LD_PRELOAD: this.library,
      FAKETIME_TIMESTAMP_FILE: this.#file(name),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    }
  }

  /** The process sees it within a second. 0 puts it right. */
  move(name: string, byMs: number): void {
    const sign = byMs < 0 ? '-' : '+'
    writeFileSync(this.#file(name), `${sign}${(Math.abs(byMs) / 1_000).toFixed(3)}\n`)
  }

  #file(name: string): string {
    return this.state.file('clocks', name)
  }
}
