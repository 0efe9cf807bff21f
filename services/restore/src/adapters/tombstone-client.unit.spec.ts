import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { packRuns, packTexts } from '@lethe/domain'
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
      ...{ tombstoneIds: packTexts(['t']), requestIds: packTexts(['r']), mapVersions: packRuns([1]) },
      ...{ held: [0], ceilingWaived: [], codes: packRuns([null]), subjectRefs: packTexts([null]) },
      ...{ tenantIds: packRuns([null]), receivedAt: packRuns([null]) },
      identifiers: { counts: packRuns([0]), types: packRuns([]), values: packTexts([]) },
      digests: { counts: packRuns([0]), values: packTexts([]) },
    }
    answer = { status: 200, body: JSON.stringify({ validUntil: 5, columns }) }
    const { validUntil, tombstones } = await page()
    const [one] = tombstones
    expect([validUntil, tombstones.length]).toEqual([5, 1])
    expect([one?.tombstoneId, one?.requestId, one?.mapVersion]).toEqual(['t', 'r', 1])
    expect([one?.held, one?.subject, one?.digested]).toEqual([true, null, undefined])
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
