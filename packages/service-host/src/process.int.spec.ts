import { Module } from '@nestjs/common'
import { Server } from '@nestjs/microservices'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { ConfigError } from './config.js'
import { createLogger } from './logger.js'
import { exitCodes, runMain, runService } from './process.js'
import type { RunningService } from './run-service.js'

@Module({})
class EmptyModule {}

class Transport extends Server {
  constructor(private readonly closing: () => Promise<void>) {
    super()
  }
  listen(callback: () => void): void {
    callback()
  }
  close(): Promise<void> {
    return this.closing()
  }
  on(): void {}
  unwrap<T>(): T {
    throw new Error('nothing to unwrap')
  }
}

const events = ['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection'] as const
type Listener = (argument: unknown) => void
const listeners = (event: (typeof events)[number]) =>
  process.listeners(event as 'exit') as unknown as Listener[]

describe('a service process', () => {
  let exit: MockInstance<typeof process.exit>
  let service: RunningService | undefined
  let hangs = false
  const before = new Map<string, Set<Listener>>()

  beforeEach(() => {
    for (const event of events) before.set(event, new Set(listeners(event)))
    hangs = false
    exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  })
  afterEach(async () => {
    // A transport that hangs on purpose never closes; its port goes with the process.
    if (!hangs) await service?.stop()
    for (const event of events)
      for (const listener of listeners(event))
        if (!before.get(event)?.has(listener)) process.removeListener(event as 'exit', listener)
    exit.mockRestore()
  })

  /** Raises an event for the service alone: the test runner listens too. */
  function raise(event: (typeof events)[number], argument?: unknown): void {
    for (const listener of listeners(event)) if (!before.get(event)?.has(listener)) listener(argument)
  }

  async function run(closing: () => Promise<void>, shutdownMs = 10_000): Promise<void> {
    const logger = createLogger('spec', { level: 'silent' })
    const microservice = new Transport(closing)
    service = await runService({
      name: 'spec',
      module: EmptyModule,
      port: 0,
      logger,
      microservice,
      shutdownMs,
    })
  }
  const ended = (code: number) => vi.waitUntil(() => exit.mock.calls.some(([given]) => given === code))

  it('lets work in flight end on SIGTERM and then ends with 0', async () => {
    let finish = () => {}
    await run(() => new Promise((resolve) => (finish = resolve)))
    raise('SIGTERM', 'SIGTERM')
    expect((await service?.health.readiness())?.ready).toBe(false)
    expect(exit).not.toHaveBeenCalled()
    // Nest asks the transport to close once its own hooks have run.
    await vi.waitUntil(() => {
      finish()
      return exit.mock.calls.length > 0
    })
    expect(exit).toHaveBeenCalledWith(exitCodes.stopped)
  })

  it('gives up on work that does not end in time', async () => {
    hangs = true
    await run(() => new Promise(() => {}), 50)
    raise('SIGTERM', 'SIGTERM')
    await ended(exitCodes.shutdownTimedOut)
  })

  it('ends at once on a second signal', async () => {
    hangs = true
    await run(() => new Promise(() => {}))
    raise('SIGINT', 'SIGINT')
    raise('SIGINT', 'SIGINT')
    await ended(exitCodes.shutdownTimedOut)
  })

  it('ends when an error is caught by nobody', async () => {
    await run(async () => {})
    raise('unhandledRejection', new Error('lost'))
    await ended(exitCodes.uncaught)
  })

  it('tells what is missing in plain words and ends with its own code', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    await runMain('spec', async () => {
      throw new ConfigError([{ name: 'LETHE_PORT', problem: 'is missing' }])
    })
    expect(exit).toHaveBeenCalledWith(exitCodes.configuration)
    expect(said.mock.calls.join('')).toMatch(/^spec: [\s\S]*LETHE_PORT: is missing/)
    said.mockRestore()
  })
})
