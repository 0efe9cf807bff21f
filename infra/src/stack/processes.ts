import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { accepts, eventually } from './health.js'
import { processIdentity } from './process-identity.js'
import { isRunning, type ProcessRecord, type StateDir } from './state.js'

/** How to start one process of the stack and how to tell that it works. */
export interface ProcessSpec {
  name: string
  command: string
  args: string[]
  env?: Record<string, string>
  cwd?: string
  /** Operating-system user to run as; only set when we are root. */
  user?: { uid: number; gid: number }
  /** Ports it listens on; taken ones are refused before the start. */
  ports: number[]
  /** Writes configuration and data folders. Idempotent. */
  prepare?: () => Promise<void>
  healthy: () => Promise<boolean>
  /** Milliseconds from spawn to healthy. */
  deadlineMs: number
  /** Signal for an orderly end. */
  stopSignal?: NodeJS.Signals
}

const STOP_DEADLINE_MS = 20_000
const PORT_RELEASE_MS = 2_000

/**
 * Starts the process in a session of its own, so that Ctrl-C in the terminal does not reach it and only
 * `down` ends it, and waits until it is healthy. A process that still runs from before is kept.
 * Rejects naming the log when a port is taken, the process ends, or the deadline passes.
 */
export async function start(
  spec: ProcessSpec,
  state: StateDir,
  signal?: AbortSignal,
): Promise<'started' | 'kept'> {
  const previous = state.record(spec.name)
  if (previous && isRunning(previous)) {
    await waitHealthy(spec, previous, null, signal)
    return 'kept'
  }
  state.forget(spec.name)
  await refuseTakenPorts(spec)
  await spec.prepare?.()
  signal?.throwIfAborted()
  const { child, record } = launch(spec, state)
  await waitHealthy(spec, record, child, signal)
  return 'started'
}

function launch(spec: ProcessSpec, state: StateDir): { child: ChildProcess; record: ProcessRecord } {
  const log = state.file('logs', `${spec.name}.log`)
  const output = openSync(log, 'a')
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd ?? state.path,
    env: { ...ambient(), ...spec.env },
    detached: true,
    stdio: ['ignore', output, output],
    ...spec.user,
  })
  closeSync(output)
  child.unref()
  const record: ProcessRecord = {
    name: spec.name,
    pid: child.pid ?? -1,
    identity: (child.pid && processIdentity(child.pid)) || 'ended at once',
    startedAt: Date.now(),
    log,
    ports: spec.ports,
    stopSignal: spec.stopSignal ?? 'SIGTERM',
  }
  // Nothing is awaited between spawn and this line: a crash cannot leave an unrecorded process.
  if (child.pid) state.save(record)
  return { child, record }
}

/** A server gets what programs expect to find and nothing of the caller's credentials. */
function ambient(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL']
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}

async function waitHealthy(
  spec: ProcessSpec,
  record: ProcessRecord,
  child: ChildProcess | null,
  signal?: AbortSignal,
): Promise<void> {
  let failure: Error | null = null
  child?.once('error', (cause) => {
    failure = new Error(`${spec.name} could not be started: ${cause.message}`, { cause })
  })
  const healthy = async () => {
    if (failure) throw failure
    if (!isRunning(record)) throw new Error(`${spec.name} ended while starting. ${logTail(record.log)}`)
    return spec.healthy()
  }
  const late = () =>
    new Error(`${spec.name} was not healthy within ${spec.deadlineMs / 1000} s. ${logTail(record.log)}`)
  await eventually(healthy, { deadlineMs: spec.deadlineMs, late, ...(signal ? { signal } : {}) })
}

/** A process that was killed a moment ago may hold its port a little longer than it lives. */
async function refuseTakenPorts(spec: ProcessSpec): Promise<void> {
  for (const port of spec.ports)
    await eventually(async () => !(await accepts(port)), {
      deadlineMs: PORT_RELEASE_MS,
      late: () =>
        new Error(
          `Port ${port}, which ${spec.name} needs, is taken by another process. End it, or move the whole stack: LETHE_PORT_OFFSET=1000`,
        ),
    })
}

/**
 * Ends one recorded process: its own signal first, SIGKILL after `deadlineMs`. Only the recorded process is
 * signalled, never one that got its pid later. Idempotent.
 */
export async function stop(
  record: ProcessRecord,
  state: StateDir,
  deadlineMs: number = STOP_DEADLINE_MS,
): Promise<'stopped' | 'killed' | 'was dead'> {
  if (!isRunning(record)) {
    state.forget(record.name)
    return 'was dead'
  }
  send(record, record.stopSignal)
  const end = Date.now() + deadlineMs
  while (isRunning(record) && Date.now() < end) await delay(30)
  const killed = isRunning(record)
  if (killed) send(record, 'SIGKILL')
  while (isRunning(record)) await delay(30)
  state.forget(record.name)
  return killed ? 'killed' : 'stopped'
}

function send(record: ProcessRecord, signal: NodeJS.Signals): void {
  try {
    process.kill(record.pid, signal)
  } catch (error) {
    // It ended between the check and the signal, which is what we wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The last lines of a log, with its path: what a person needs first when a start failed. */
export function logTail(file: string, lines = 12): string {
  if (!existsSync(file)) return `There is no log at ${file}.`
  const tail = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n  ')
  return `Its log is ${file} and ends with:\n  ${tail}`
}
