import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { wire } from '@lethe/schemas'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endpoints } from '../../../infra/src/endpoints.js'
import { kafkaClients } from './client/port.js'
import type { Incoming } from './incoming.js'
import { KafkaHarness, until } from './kafka-harness.spec.js'
import { id, Runs, TOPIC } from './kafka-runs.spec.js'

const [broker] = endpoints().brokers
let world: KafkaHarness
let runs: Runs

/** Every socket of this process; the ones to Kafka are cut without a word. */
const sockets = new Set<Socket>()
subscribe('net.client.socket', (message) => sockets.add((message as { socket: Socket }).socket))
function cutConnections(): number {
  const open = [...sockets].filter(
    (socket) => !socket.destroyed && `${socket.remoteAddress}:${socket.remotePort}` === broker,
  )
  // As a reset by the network: kafkajs does not listen for 'close', which is all a plain destroy() gives.
  for (const socket of open) socket.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  return open.length
}

describe.each(kafkaClients)('a member of a group, with %s', (client) => {
  beforeAll(async () => {
    world = await KafkaHarness.create(client)
    runs = new Runs(world)
  })
  afterAll(async () => {
    await world?.drop()
  })

  it('loses nothing when members join, leave and lose their connections', async () => {
    const group = world.group()
    const handled = new Set<string>()
    const handler = async (batch: readonly Incoming<wire.ErasureRequested>[]) => {
      for (const item of batch) handled.add(id(item))
    }
    const { run, filter } = await runs.send(300, (i) => `k${i}`)
    const subscription = { topic: TOPIC, mode: 'batch', filter, maxBatch: 5 } as const
    const first = await world.consume(group, subscription, handler)
    const second = await world.consume(group, subscription, handler)
    await runs.sendAs(run, 300, 300)
    await first.close()
    const third = await world.consume(group, subscription, handler)
    await runs.sendAs(run, 600, 300)
    expect(cutConnections()).toBeGreaterThan(1)
    await runs.sendAs(run, 900, 300)
    await second.close()
    cutConnections()
    await runs.sendAs(run, 1_200, 300)
    await until(() => handled.size >= 1_500)
    await world.drained(group, TOPIC)
    await third.close()
    expect(handled.size).toBe(1_500)
  })

  it('hands a batch out again after a crash before its commit', async () => {
    const { filter } = await runs.send(20, () => 'one')
    const group = world.group()
    const first: string[] = []
    let hang = true
    const stuck = await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (batch, { signal }) => {
        first.push(...batch.map(id))
        if (hang)
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))))
      },
      { tuning: { shutdownMs: 100 } },
    )
    await until(() => first.length === 20)
    await stuck.close()
    hang = false
    const second: string[] = []
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (batch) => {
        second.push(...batch.map(id))
      },
    )
    await until(() => second.length === 20)
    expect(second).toEqual(first)
  })

  it('restarts a consumer that makes no progress', async () => {
    const { filter } = await runs.send(1)
    const group = world.group()
    let calls = 0
    let fatal = 0
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (_, { signal }) => {
        calls += 1
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('cut'))),
        )
      },
      {
        tuning: { stallMs: 500, maxRestarts: 1, shutdownMs: 50, sessionTimeoutMs: 6_000 },
        onFatal: () => void fatal++,
      },
    )
    await until(() => calls >= 2)
    expect(fatal).toBe(0)
  })
})
