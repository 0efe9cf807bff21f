import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Module } from '@nestjs/common'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { ConfigError } from './config.js'
import { RetryableError } from './errors.js'
import { createLogger } from './logger.js'
import { counter } from './metrics.js'
import { exitCodes } from './process.js'
import type { RunningService } from './run-service.js'
import { type HostedService, runServices } from './run-services.js'

@Module({})
class FirstModule {}

const silent = createLogger('spec', { level: 'silent' })
const handled = counter('spec_handled_total', 'Work of the spec.', ['service'])

const service = (name: string, tier: number, more: Partial<HostedService> = {}): HostedService => ({
  name,
  tier,
  open: () => ({ name, module: FirstModule, port: 0, logger: silent }),
  ...more,
})

describe('several services in one process', () => {
  let exit: MockInstance<typeof process.exit>
  let host: RunningService | undefined
  let before: Set<unknown>
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('spec', { destination: { write: (line) => lines.push(JSON.parse(line)) } })
  const listeners = () => process.listeners('SIGTERM')

  beforeEach(() => {
    lines.length = 0
    host = undefined
    before = new Set(listeners())
    exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  })
  afterEach(async () => {
    // Once more is harmless, and ends what a failed expectation left running.
    if (host) await terminate().catch(() => undefined)
    for (const listener of listeners()) if (!before.has(listener)) process.removeListener('SIGTERM', listener)
    exit.mockRestore()
  })

  async function terminate(): Promise<void> {
    for (const listener of listeners()) if (!before.has(listener)) (listener as () => void)()
    await vi.waitUntil(() => exit.mock.calls.length > 0)
  }

  const run = async (...services: HostedService[]): Promise<RunningService> => {
    host = await runServices({ name: 'spec-process', port: 0, services, logger })
    return host
  }
  const get = async (path: string) => {
    const answer = await fetch(`${host?.url}${path}`)
    return { status: answer.status, text: await answer.text() }
  }

  it('are ready when all of them are, and the one that is not is named with its check', async () => {
    let store = true
    const check = async () => {
      if (!store) throw new RetryableError('ECONNREFUSED', 'The store is away.')
    }
    const second = service('second', 1, {
      open: () => ({ ...base('second'), readiness: [{ name: 'postgres', check }] }),
    })
    await run(service('first', 0), second)
    expect(await get('/readyz')).toEqual({
      status: 200,
      text: JSON.stringify({ ready: true, checks: { first: 'ok', second: 'ok' } }),
    })
    store = false
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: JSON.stringify({ ready: false, checks: { first: 'ok', second: 'postgres.ECONNREFUSED' } }),
    })
  })

  it('count the same thing under their own names', async () => {
    await run(service('first', 0), service('second', 1))
    handled.inc({ service: 'first' }, 2)
    handled.inc({ service: 'second' }, 3)
    const { text } = await get('/metrics')
    expect(text).toContain('spec_handled_total{service="first"} 2')
    expect(text).toContain('spec_handled_total{service="second"} 3')
    expect(text).toMatch(/process_cpu_seconds_total\{service="[^"]+"\}/)
  })

  it('start tier by tier, and stop those that ask before those that answer', async () => {
    const opened: string[] = []
    const noted = (name: string, tier: number) =>
      service(name, tier, {
        open: () => {
          opened.push(name)
          return base(name)
        },
      })
    await run(noted('asks', 2), noted('folds', 1), noted('answers', 0), noted('asks-too', 2))
    expect(opened).toEqual(['answers', 'folds', 'asks', 'asks-too'])
    await terminate()
    expect(exit).toHaveBeenCalledWith(exitCodes.stopped)
    const order = lines.flatMap(({ stopped }) => stopped ?? [])
    expect(order.slice(0, 2).sort()).toEqual(['asks', 'asks-too'])
    expect(order.slice(2)).toEqual(['folds', 'answers'])
  })

  it('end together when one can not start, and it is named', async () => {
    const broken = service('second', 1, {
      open: () => {
        throw new Error('the port is taken')
      },
    })
    await run(service('first', 0), broken)
    expect(exit).toHaveBeenCalledWith(exitCodes.startFailed)
    expect(lines.find(({ level }) => level === 60)).toMatchObject({ failed: 'second', msg: 'start failed' })
  })

  it('say whose setting is missing', async () => {
    const lacking = service('second', 1, {
      open: () => {
        throw new ConfigError([{ name: 'LETHE_PG_URL', problem: 'is missing' }])
      },
    })
    await expect(run(service('first', 0), lacking)).rejects.toThrow('second.LETHE_PG_URL: is missing')
  })

  it.each(['throw new Error("lost")', 'void Promise.reject(new Error("lost"))'])(
    'end with an error nobody caught, and say whose it was: %s',
    async (failing) => {
      const { code, out } = await child(`
        class Empty {}
        Module({})(Empty)
        const open = (name) => () => ({ name, module: Empty, port: 0, logger: createLogger(name) })
        const second = () => { setTimeout(() => { ${failing} }, 10); return open('second')() }
        await runServices({ name: 'spec', port: 0, services: [
          { name: 'first', tier: 0, open: open('first') }, { name: 'second', tier: 1, open: second } ] })`)
      expect(code).toBe(exitCodes.uncaught)
      const fatal = out.split('\n').filter((line) => line.includes('"level":60'))
      expect(JSON.parse(fatal[0] ?? '{}')).toMatchObject({ service: 'spec', failed: 'second' })
    },
  )
})

const base = (name: string) => ({ name, module: FirstModule, port: 0, logger: silent })

/** The built package in a process of its own: only there an error is really caught by nobody. */
function child(body: string): Promise<{ code: number | null; out: string }> {
  const built = new URL('../dist/index.js', import.meta.url).href
  const script = `import { Module } from '@nestjs/common'
    import { createLogger, runServices } from '${built}'
    ${body}`
  const folder = fileURLToPath(new URL('..', import.meta.url))
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: folder })
    let out = ''
    running.stdout.on('data', (text: Buffer) => {
      out += text.toString()
    })
    running.once('error', reject)
    running.once('close', (code) => resolve({ code, out }))
  })
}
