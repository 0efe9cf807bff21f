import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaConfigFromEnvironment } from '../config.js'
import { kafkaClient } from './open.js'

/** Says nothing and keeps what it was told. */
let server: Server
let port: number
let told = ''

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('data', (bytes) => {
      told += bytes.toString('latin1')
      socket.destroy()
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
})
afterAll(() => void server.close())

describe('LETHE_KAFKA_CLIENT', () => {
  it.each([
    ['kafkajs', undefined, false],
    ['kafkajs', 'kafkajs', false],
    ['platformatic', 'platformatic', true],
  ])('speaks to the broker with %s when it is %s', async (name, value, introduces) => {
    told = ''
    const client = await kafkaClient(
      kafkaConfigFromEnvironment('who-asks', {
        LETHE_KAFKA: `127.0.0.1:${port}`,
        ...(value ? { LETHE_KAFKA_CLIENT: value } : {}),
      }),
    )
    expect(client.name).toBe(name)
    await expect(client.admin({ hasty: true })).rejects.toThrow()
    expect(told).toContain('who-asks')
    // What the broker shows as the client's software; kafkajs gives no name.
    expect(told.includes('platformatic-kafka')).toBe(introduces)
  })
})
