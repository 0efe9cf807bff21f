import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processIdentity } from './process-identity.js'

/** Profiles a stack can run with; `services` contains `core`. */
export type Profile = 'core' | 'services'

/** One started process, written right after it was spawned and removed once it is seen dead. */
export interface ProcessRecord {
  name: string
  pid: number
  /** Boot and start time of the process: a recycled pid has another one and is never signalled. */
  identity: string
  /** Epoch milliseconds. */
  startedAt: number
  log: string
  ports: number[]
  stopSignal: NodeJS.Signals
}

/** What belongs to the stack as a whole. */
export interface StackRecord {
  profile: Profile
  portOffset: number
  docker: boolean
}

/** The repository's root folder. */
export const rootDir = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * The folder that holds everything the local stack writes: `LETHE_STATE`, or `.lethe` in the
 * repository. Layout: `processes/`, `logs/`, `data/<server>/`, `config/`, `secrets/`.
 */
export class StateDir {
  readonly path: string

  constructor(path: string = process.env.LETHE_STATE ?? join(rootDir, '.lethe')) {
    this.path = resolve(path)
  }

  /** Path of a file or folder below the state folder; its parent is created. */
  file(...parts: string[]): string {
    const path = join(this.path, ...parts)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }

  folder(...parts: string[]): string {
    const path = join(this.path, ...parts)
    mkdirSync(path, { recursive: true })
    return path
  }

  records(): ProcessRecord[] {
    const folder = join(this.path, 'processes')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProcessRecord)
  }

  record(name: string): ProcessRecord | null {
    return this.records().find((record) => record.name === name) ?? null
  }

  save(record: ProcessRecord): void {
    writeWhole(this.file('processes', `${record.name}.json`), record)
  }

  forget(name: string): void {
    rmSync(join(this.path, 'processes', `${name}.json`), { force: true })
  }

  stack(): StackRecord | null {
    const file = join(this.path, 'stack.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StackRecord) : null
  }

  saveStack(record: StackRecord): void {
    writeWhole(this.file('stack.json'), record)
  }

  /** Servers' data and everything derived from it; secrets and logs stay. */
  dropData(): void {
    for (const part of ['data', 'config', 'stack.json'])
      rmSync(join(this.path, part), { recursive: true, force: true })
  }
}

/** True while the recorded process itself still runs; false for a reused pid or a zombie. */
export function isRunning(record: ProcessRecord): boolean {
  return processIdentity(record.pid) === record.identity
}

/** A reader never sees half a record, even when the writer is killed. */
function writeWhole(file: string, value: unknown): void {
  const next = `${file}.${process.pid}`
  writeFileSync(next, `${JSON.stringify(value, null, 2)}\n`)
  renameSync(next, file)
}
