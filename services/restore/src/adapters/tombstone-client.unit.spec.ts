import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PausedError } from '@lethe/service-host'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TombstoneClient } from './tombstone-client.js'

let answer = { status: 200, body: '' }
let server: Server
beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    incoming.resume()
    outgoing.writeHead(answer.status, { 'content-type': 'application/json' })
    outgoing.end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const canary = 'ada@example.com'
const page = () => new TombstoneClient(url(), 'token').page('shop', 'sweep-1', '', 10)

describe('a page of tombstones', () => {
  it('is taken as request gives it', async () => {
    const columns = {
      ...{ tombstoneIds: ['t'], requestIds: ['r'], mapVersions: [1], held: [0], ceilingWaived: [] },
      ...{ codes: [null], subjectRefs: [null], tenantIds: [null], receivedAt: [null] },
      identifiers: { counts: [0], types: [], values: [] },
      digests: { counts: [0], values: [] },
    }
    answer = { status: 200, body: JSON.stringify({ validUntil: 5, columns }) }
    const one = {
      tombstoneId: 't',
      requestId: 'r',
      mapVersion: 1,
      held: true,
      ceilingWaived: false,
      subject: null,
    }
    expect(await page()).toEqual({ validUntil: 5, tombstones: [one] })
  })

  it('in any other form pauses the replay, and nothing of it is repeated', async () => {
    const near = fc.record({
      validUntil: fc.anything(),
      columns: fc.dictionary(fc.constantFrom('tombstoneIds', 'held', 'identifiers'), fc.anything()),
    })
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      near.map((some) => JSON.stringify(some) ?? ''),
    )
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom(200, 204, 401, 500),
        fc.boolean(),
        async (text, status, named) => {
          answer = { status, body: named ? `${text}${canary}` : text }
          const given: unknown = await page().catch((error: unknown) => error)
          if (given instanceof Error) {
            expect(given).toBeInstanceOf(PausedError)
            expect(JSON.stringify([given.message, given.stack, given.cause])).not.toContain(canary)
          } else
            expect(given).toMatchObject({ validUntil: expect.any(Number), tombstones: expect.any(Array) })
        },
      ),
      { numRuns: 60 },
    )
  })
})
