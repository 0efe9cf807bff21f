import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RestoreClient } from '@lethe/client'
import { Credentials, createLogger, type RunningService, startService } from '@lethe/service-host'
import { Module } from '@nestjs/common'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestoresController } from './adapters/http/restores.controller.js'
import { Restores } from './application/restores.js'
import { type RestoreProcess, round } from './testing/process.js'
import { officer, Stand } from './testing/stand.js'

const logger = createLogger('gate-waiting-spec', { level: 'silent' })
const EVERY_MS = 50
/** Nobody who waits for it sees a second look. */
const LONG_MS = 600_000

@Module({})
class Http {}

let stand: Stand
let process: RestoreProcess
let folder: string
let service: RunningService | undefined

/** The service's HTTP over a real shop; on a port of before, it is the same one again. */
async function start(port = 0): Promise<RestoreClient> {
  const file = join(folder, 'credentials.json')
  const sha256 = createHash('sha256').update('token-of-the-shop').digest('hex')
  writeFileSync(file, JSON.stringify([{ id: 'shop', sha256, roles: ['service'], tenants: ['shop'] }]), {
    mode: 0o600,
  })
  service = await startService({
    name: 'gate-waiting-spec',
    module: {
      module: Http,
      controllers: [RestoresController],
      providers: [
        { provide: Restores, useValue: process.restores },
        { provide: Credentials, useValue: Credentials.read(file) },
      ],
    },
    port,
    logger,
  })
  return clientOf(service.url)
}
const clientOf = (url: string) => new RestoreClient({ url, token: 'token-of-the-shop', timeoutMs: LONG_MS })

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-gate-waiting-'))
  stand = await Stand.open()
  process = stand.process()
})
afterEach(async () => {
  await service?.stop()
  service = undefined
  await stand.close()
  rmSync(folder, { recursive: true })
})

/** A restored shop whose gate waits for a person. */
async function waitingGate(): Promise<string> {
  await round(process)
  const backup = await stand.shop.backUp()
  await round(process)
  await stand.tombstone('u1', { held: true })
  await stand.shop.restore(backup)
  await round(process)
  const [restore] = await stand.store.history('shop-pg', 1)
  expect(restore).toMatchObject({ phase: 'waiting' })
  return restore?.restoreId ?? ''
}

/** Whether it is still waiting after several looks. */
async function looked(client: RestoreClient, times: number): Promise<void> {
  let looks = 0
  const gate = client.gate.bind(client)
  client.gate = (...given) => {
    looks += 1
    return gate(...given)
  }
  await expect.poll(() => looks, { timeout: 10_000, interval: 10 }).toBeGreaterThanOrEqual(times)
}

describe('whoever waits for a gate', () => {
  it('goes on when it opens, and not before', async () => {
    const restoreId = await waitingGate()
    const client = await start()
    const done = { yet: false }
    const waited = client.waitForGate('shop-pg', EVERY_MS).finally(() => Object.assign(done, { yet: true }))
    await looked(client, 3)
    expect(done.yet).toBe(false)
    await process.restores.open(officer, restoreId, 'OPS-7')
    expect(await waited).toMatchObject({ systemId: 'shop-pg', state: 'open', restoreId })
  })

  it('does not wait where a store was never shut, or for a system nobody watches', async () => {
    const client = await start()
    expect(await client.waitForGate('shop-pg', LONG_MS)).toMatchObject({ state: 'open', restoreId: null })
    await expect(client.waitForGate('shop', LONG_MS)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('LETHE_SYSTEMS'),
    })
  })

  it('is let go at once when they give up or their time is over, between two looks', async () => {
    await waitingGate()
    const client = await start()
    const giving = new AbortController()
    const waited = client.waitForGate('shop-pg', LONG_MS, giving.signal)
    await expect.poll(() => stand.store.gates()).toMatchObject([{ state: 'shut' }])
    const reason = new Error('enough')
    giving.abort(reason)
    await expect(waited).rejects.toBe(reason)
    await expect(client.waitForGate('shop-pg', LONG_MS, giving.signal)).rejects.toBe(reason)
    const bounded = client.waitForGate('shop-pg', LONG_MS, AbortSignal.timeout(300))
    await expect(bounded).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('is let go at once while a look is under way that nobody answers', async () => {
    const giving = new AbortController()
    // Takes the question, and says nothing.
    const silent = createServer(() => giving.abort())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    try {
      const client = clientOf(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
      const waited = client.waitForGate('shop-pg', LONG_MS, giving.signal)
      await expect(waited).rejects.toMatchObject({ name: 'AbortError' })
    } finally {
      silent.closeAllConnections()
      silent.close()
    }
  })

  it('waits while Lethe is down, when the store itself stays as open as it was, and goes on when it is back', async () => {
    await round(process)
    const client = await start()
    const port = Number(new URL(service?.url ?? '').port)
    await service?.stop()
    await process.guard.stop()
    const done = { yet: false }
    const waited = client.waitForGate('shop-pg', EVERY_MS).finally(() => Object.assign(done, { yet: true }))
    await looked(client, 3)
    expect(done.yet).toBe(false)
    const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT count(*)::int AS n FROM users')
    expect(await asApplication()).toEqual([{ n: 200 }])
    process = stand.process()
    await start(port)
    expect(await waited).toMatchObject({ state: 'open' })
  })

  it('waits while the service can not know, because its own database does not answer', async () => {
    const client = await start()
    const gates = stand.store.gates.bind(stand.store)
    stand.store.gates = () => Promise.reject(new Error('away'))
    const waited = client.waitForGate('shop-pg', EVERY_MS)
    await looked(client, 3)
    stand.store.gates = gates
    expect(await waited).toMatchObject({ state: 'open' })
  })
})
