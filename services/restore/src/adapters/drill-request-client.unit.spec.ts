import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PausedError } from '@lethe/service-host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DrillRequestClient } from './drill-request-client.js'

let answer: unknown
let server: Server
beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    incoming.resume()
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
const progress = () =>
  new DrillRequestClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'token').progress('r')

describe('how far the erasure of a made-up person is', () => {
  it('names the systems that still have to erase them', async () => {
    const statuses = ['PENDING', 'IN_PROGRESS', 'COMPLETED', 'NOT_APPLICABLE', 'DEFERRED']
    answer = { status: 'IN_PROGRESS', systems: statuses.map((status) => ({ systemId: status, status })) }
    expect(await progress()).toEqual({ status: 'IN_PROGRESS', unfinished: ['PENDING', 'IN_PROGRESS'] })
    answer = { status: 'PENDING', systems: [] }
    expect(await progress()).toEqual({ status: 'PENDING', unfinished: [] })
  })

  it('is not known where the answer has another form', async () => {
    answer = { status: 'COMPLETED' }
    await expect(progress()).rejects.toBeInstanceOf(PausedError)
  })
})
