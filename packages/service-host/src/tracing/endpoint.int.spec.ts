import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { tracingConfig } from '../config.js'
import { createLogger } from '../logger.js'
import { startTracing } from './start-tracing.js'
import { spansAround, tracingIsOn } from './traces.js'

const requestId = '01a1fddd-5610-7561-a7e7-2146ddabb07a'
const lines: string[] = []
const logger = createLogger('spec', { destination: { write: (line) => lines.push(line) } })
const config = (port: number) => ({ url: `http://127.0.0.1:${port}/v1/traces`, ratio: 1, delayMs: 20 })

describe('an endpoint for spans', () => {
  let server: Server | undefined
  const sockets: Socket[] = []

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server?.close()
  })

  it('is taken from the usual variables, and tracing is off without them', async () => {
    expect(tracingConfig({})).toBeNull()
    expect(tracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' })?.url).toBe(
      'http://collector:4318/v1/traces',
    )
    expect(() => tracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' })).toThrow(
      /OTEL_EXPORTER_OTLP_ENDPOINT/,
    )
    expect(await startTracing('spec', null, logger)).toBeNull()
    expect(tracingIsOn()).toBe(false)
  })

  it('that refuses costs one line in the log', async () => {
    const tracing = await startTracing('spec', config(1), logger)
    const work = () =>
      spansAround(
        'eraser.pass',
        () => [{ requestId }],
        async () => undefined,
      )
    for (let n = 0; n < 2_000; n++) await work()
    const told = () => lines.filter((line) => line.includes('spans can not be exported'))
    await vi.waitFor(() => expect(told()).toHaveLength(1), 15_000)
    await work()
    await tracing?.stop()
    expect(tracingIsOn()).toBe(false)
    expect(told()).toHaveLength(1)
  }, 20_000)

  it('that takes calls and never answers holds up neither work nor the end', async () => {
    let called = () => {}
    const seen = new Promise<void>((resolve) => {
      called = resolve
    })
    const silent = createServer((socket) => {
      sockets.push(socket)
      called()
    })
    server = silent
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const tracing = await startTracing('spec', config(port), logger)
    await spansAround(
      'eraser.pass',
      () => [{ requestId }],
      async () => undefined,
    )
    await seen
    await spansAround(
      'eraser.pass',
      () => [{ requestId }],
      async () => undefined,
    )
    // The runner's own limit fails this if stopping waited for the answer that never comes.
    await tracing?.stop()
  }, 4_500)
})
