import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { MessageCodec } from './codec.js'

let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function registryThat(answers: RequestListener): Promise<string> {
  server = createServer(answers)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const silent: RequestListener = (request) => request.resume()
/** The first half of an answer, and then a connection that is gone, as of a registry that is killed. */
const cutOff: RequestListener = (request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  response.write('{"id"', () => response.destroy())
}
/** Answers what concerns the compatibility rule, so that the client itself comes to ask. */
const except =
  (rest: RequestListener): RequestListener =>
  (request, response) => {
    if (!request.url?.startsWith('/config')) return rest(request, response)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ compatibilityLevel: 'FULL_TRANSITIVE' }))
  }

const topics = ['erasure.status'] as const
const short = { topics, retries: 0, answerWithinMs: 300 } as const
const late = {
  code: 'registry_unavailable',
  errorClass: 'retryable',
  message: expect.stringContaining('0.3 s'),
}

describe('a registry that does not answer', () => {
  it.each([
    ['is silent when the compatibility rule is set', silent, true],
    ['is silent when a schema is registered', except(silent), true],
    ['is silent when a schema is looked up', silent, false],
    ['is cut off in the middle of an answer', cutOff, false],
    ['is cut off in the middle of an answer to a registration', except(cutOff), true],
  ] as const)('ends in an error that says so: %s', async (_name, answers, register) => {
    const url = await registryThat(answers)
    await expect(MessageCodec.connect(url, { ...short, register })).rejects.toMatchObject(late)
  })

  it('fails each decoding in time, also the second one of the same schema', async () => {
    const url = await registryThat(cutOff)
    const codec = await MessageCodec.connect(url, { ...short, topics: [], register: false })
    const bytes = Buffer.from([0, 0, 0, 0, 7, 1])
    await expect(codec.decode(bytes)).rejects.toMatchObject(late)
    await expect(codec.decode(bytes)).rejects.toMatchObject(late)
  })

  it.each([true, false])('is left when the caller wants to stop (registering: %s)', async (register) => {
    const stop = new AbortController()
    const url = await registryThat(() => stop.abort(new Error('interrupted')))
    const connecting = MessageCodec.connect(url, { topics, register, signal: stop.signal })
    await expect(connecting).rejects.toThrow('interrupted')
  })
})
