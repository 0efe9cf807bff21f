import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RetryableError } from '@lethe/service-host'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HttpProbeClient } from './probe-client.js'

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
const subjects = [{ subjectRef: 'ref', tenantId: 't', receivedAt: 0, identifiers: [] }]
const client = () => new HttpProbeClient(new Map([['shop', url()]]), 'token', 5_000)

describe('what a probe answers', () => {
  it('is taken in its form only; anything else is retried, and nothing of it is repeated', async () => {
    const near = fc
      .record({ results: fc.array(fc.array(fc.array(fc.json()))) })
      .map((some) => JSON.stringify(some))
    const body = fc.oneof(fc.json(), near, fc.string(), fc.constant('')).map((some) => `${some}`)
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom(200, 204, 302, 403, 500),
        fc.boolean(),
        async (text, status, named) => {
          answer = { status, body: named ? `${text}${canary}` : text }
          for (const asked of [client().resolve('shop', subjects), client().preview('shop', subjects)]) {
            const given: unknown = await asked.catch((error: unknown) => error)
            if (given instanceof Error) {
              expect(given).toBeInstanceOf(RetryableError)
              expect(JSON.stringify([given.message, given.stack, given.cause])).not.toContain(canary)
            } else expect(given).toHaveLength(1)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
