import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import {
  eventually,
  isRunning,
  type ProcessRecord,
  type ProcessSpec,
  type StateDir,
  startProcess,
  stopProcess,
} from '@lethe/infra'
import type { Target } from '../plan/faults.js'

/** One process of the world: killed, frozen and brought back, always by its recorded pid. */
export class Unit {
  /** Whether it should run; the keeper starts what should and does not. */
  wanted = false
  #starting: Promise<void> | null = null

  constructor(
    readonly target: Target,
    /** From 0. */
    readonly instance: number,
    private readonly spec: ProcessSpec,
    private readonly state: StateDir,
    private readonly signal: AbortSignal,
  ) {}

  get name(): string {
    return this.spec.name
  }

  get pid(): number | null {
    return this.record()?.pid ?? null
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.spec.ports[0]}`
  }

  get running(): boolean {
    const record = this.record()
    return record !== null && isRunning(record)
  }

  get log(): string {
    return this.state.file('logs', `${this.name}.log`)
  }

  private record(): ProcessRecord | null {
    return this.state.record(this.name)
  }

  /** Starts it until it is healthy, again and again: other faults may keep it from starting. */
  async start(): Promise<void> {
    this.wanted = true
    this.#starting ??= this.#bringUp().finally(() => {
      this.#starting = null
    })
    await this.#starting
  }

  async #bringUp(): Promise<void> {
    for (;;) {
      if (this.signal.aborted || !this.wanted) return
      try {
        await startProcess(this.spec, this.state, this.signal)
        return
      } catch (error) {
        if (this.signal.aborted || !this.wanted) return
        // A process that ended while starting is what an init system sees too: it waits a little and tries again.
        if (!(error instanceof Error)) throw error
        await delay(500)
      }
    }
  }

  get starting(): boolean {
    return this.#starting !== null
  }

  /** kill -9; for PostgreSQL the immediate shutdown, which is a crash of the whole cluster. */
  async kill(): Promise<void> {
    this.wanted = false
    await this.#starting?.catch(() => undefined)
    const record = this.record()
    if (!record || !isRunning(record)) return
    // A launcher's server would live on without it; PostgreSQL ends its own.
    const cluster = this.target.startsWith('postgres-')
    const pids = [record.pid, ...(cluster ? [] : descendants(record.pid))]
    for (const pid of pids) this.#signal(pid, cluster ? 'SIGQUIT' : 'SIGKILL')
    await eventually(async () => !isRunning(record), {
      deadlineMs: 30_000,
      everyMs: 10,
      late: () => new Error(`${this.name} survived its kill`),
    })
  }

  /** Orderly, as a deployment does it. */
  async end(): Promise<void> {
    this.wanted = false
    const record = this.record()
    if (record) await stopProcess(record, this.state)
  }

  /** Freezes it with every process it started. */
  freeze(): void {
    for (const pid of this.#tree()) this.#signal(pid, 'SIGSTOP')
  }

  /** Lets it go on. Idempotent. */
  thaw(): void {
    for (const pid of this.#tree().reverse()) this.#signal(pid, 'SIGCONT')
  }

  #tree(): number[] {
    const record = this.record()
    return record && isRunning(record) ? [record.pid, ...descendants(record.pid)] : []
  }

  async untilHealthy(deadlineMs: number): Promise<boolean> {
    const end = Date.now() + deadlineMs
    while (Date.now() < end && !this.signal.aborted) {
      if (this.running && (await this.spec.healthy())) return true
      await delay(100)
    }
    return false
  }

  healthy(): Promise<boolean> {
    return this.running ? this.spec.healthy() : Promise.resolve(false)
  }

  #signal(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal)
    } catch (error) {
      // It ended by itself a moment ago.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Every process below `pid`, nearest first; empty where there is no /proc. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of entries('/proc')) {
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(text(`/proc/${name}/stat`))?.[1])
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const below: number[] = []
  for (const queue = [pid]; queue.length > 0; ) {
    const own = children.get(queue.shift() as number) ?? []
    below.push(...own)
    queue.push(...own)
  }
  return below
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process ended while the folder was read.
    return ''
  }
}

/** Kilobytes the process has in memory; null when it is gone or the system does not say. */
export function residentKilobytes(pid: number): number | null {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(text(`/proc/${pid}/status`))?.[1]
  return found === undefined ? null : Number(found)
}
