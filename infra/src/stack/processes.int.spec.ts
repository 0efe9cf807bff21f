import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { accepts } from './health.js'
import { processIdentity } from './process-identity.js'
import { type ProcessSpec, start, stop } from './processes.js'
import { isRunning, StateDir } from './state.js'

const LISTENER = `require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1')`
const STUBBORN = `process.on('SIGTERM', () => {}); ${LISTENER}`

let state: StateDir
let port: number

beforeEach(async () => {
  state = new StateDir(mkdtempSync(join(tmpdir(), 'lethe-processes-')))
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = portOf(server)
  server.close()
})

afterEach(async () => {
  for (const record of state.records()) await stop({ ...record, stopSignal: 'SIGKILL' }, state)
  rmSync(state.path, { recursive: true, force: true })
})

function spec(program = LISTENER): ProcessSpec {
  return {
    name: 'listener',
    command: process.execPath,
    args: ['-e', program, String(port)],
    ports: [port],
    healthy: () => accepts(port),
    deadlineMs: 10_000,
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return address.port
}

it('starts a process, records it, and ends exactly that one', async () => {
  expect(await start(spec(), state)).toBe('started')
  const record = state.record('listener')
  expect(record && isRunning(record)).toBe(true)
  expect(record && (await stop(record, state))).toBe('stopped')
  expect(record && isRunning(record)).toBe(false)
  expect(state.records()).toEqual([])
})

it('keeps a process that already runs', async () => {
  await start(spec(), state)
  const { pid } = state.record('listener') ?? {}
  expect(await start(spec(), state)).toBe('kept')
  expect(state.record('listener')?.pid).toBe(pid)
})

it('replaces what was killed from outside', async () => {
  await start(spec(), state)
  const { pid = 0 } = state.record('listener') ?? {}
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => processIdentity(pid)).toBeNull()
  expect(await start(spec(), state)).toBe('started')
  expect(state.record('listener')?.pid).not.toBe(pid)
})

it('never signals a process that got a recorded pid later', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(other, 'spawn')
  const record = {
    name: 'recycled',
    pid: other.pid ?? 0,
    identity: 'an earlier start',
    startedAt: 0,
    log: '',
    ports: [],
    stopSignal: 'SIGKILL' as const,
  }
  state.save(record)
  expect(await stop(record, state)).toBe('was dead')
  expect(processIdentity(record.pid)).not.toBeNull()
  expect(state.records()).toEqual([])
  other.kill('SIGKILL')
})

it('kills a process that ignores its signal', async () => {
  await start(spec(STUBBORN), state)
  const record = state.record('listener')
  expect(record && (await stop(record, state, 300))).toBe('killed')
  // Not the port: another spec's server may have been given it by now.
  expect(record && isRunning(record)).toBe(false)
})

it('refuses a port that someone else holds, and says how to move', async () => {
  const holder = createServer().listen(port, '127.0.0.1')
  await once(holder, 'listening')
  await expect(start(spec(), state)).rejects.toThrow(/taken by another process.*LETHE_PORT_OFFSET/s)
  expect(state.records()).toEqual([])
  holder.close()
})

it('names the log and shows its end when the process dies while starting', async () => {
  const broken = spec(`console.error('no such database'); process.exit(3)`)
  await expect(start(broken, state)).rejects.toThrow(/listener\.log.*no such database/s)
})

it('names the log when the process is not healthy in time', async () => {
  const slow = { ...spec(`setInterval(() => {}, 1000)`), deadlineMs: 300 }
  await expect(start(slow, state)).rejects.toThrow(/not healthy within 0\.3 s.*listener\.log/s)
})

it("gives a process none of the caller's credentials", async () => {
  process.env.LETHE_TOKEN = 'secret of the shell'
  try {
    const curious = spec(`console.error('token:' + process.env.LETHE_TOKEN); process.exit(1)`)
    await expect(start(curious, state)).rejects.toThrow(/token:undefined/)
  } finally {
    delete process.env.LETHE_TOKEN
  }
})
