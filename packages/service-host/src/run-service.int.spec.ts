import { Body, Controller, Get, Module, Post } from '@nestjs/common'
import { type CustomTransportStrategy, EventPattern, Payload, Server } from '@nestjs/microservices'
import { firstValueFrom, isObservable } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { PausedError } from './errors.js'
import { createLogger } from './logger.js'
import { problem } from './problem.js'
import { type RunningService, startService } from './run-service.js'

const secret = 'anna@example.org'
const body = z.object({ count: z.number() })

@Controller()
class SpecController {
  @Get('v1/held')
  held(): never {
    throw problem('on_hold', 'Release the hold first.')
  }
  @Get('v1/broken')
  broken(): never {
    throw new Error(`duplicate key ${secret}`)
  }
  @Post('v1/counts')
  count(@Body({ schema: body }) counts: z.infer<typeof body>): { count: number } {
    return { count: counts.count }
  }
  @EventPattern('spec.topic')
  paused(@Payload() _items: unknown): void {
    throw new PausedError('request_unreachable', 'The request service does not answer.')
  }
}

@Module({ controllers: [SpecController] })
class SpecModule {}

class SpecTransport extends Server implements CustomTransportStrategy {
  closed = 0
  member = true
  readonly readiness = {
    name: 'consumer.spec',
    check: async () => {
      if (!this.member) throw new PausedError('consumer_not_running', 'It is not in its group.')
    },
  }
  listen(callback: () => void): void {
    callback()
  }
  close(): void {
    this.closed += 1
  }
  on(): void {}
  unwrap<T>(): T {
    throw new Error('nothing to unwrap')
  }
  async deliver(topic: string): Promise<unknown> {
    const result = await this.getHandlerByPattern(topic)?.([])
    return isObservable(result) ? firstValueFrom(result) : result
  }
}

describe('a running service', () => {
  let service: RunningService
  let transport: SpecTransport
  let storeWorks: boolean
  const lines: string[] = []
  const get = (path: string) => fetch(`${service.url}${path}`)

  beforeEach(async () => {
    storeWorks = true
    transport = new SpecTransport()
    service = await startService({
      name: 'spec',
      module: SpecModule,
      port: 0,
      logger: createLogger('spec', { destination: { write: (line) => lines.push(line) } }),
      microservice: transport,
      methodsOf: (path) => (path === '/v1/counts' ? ['POST'] : []),
      readiness: [
        {
          name: 'store',
          check: async () => {
            if (!storeWorks)
              throw new PausedError('credentials_refused', 'The store refuses the credentials.')
          },
        },
      ],
    })
  })
  afterEach(async () => {
    await service.stop()
  })

  it('is alive, ready and measured', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect(await (await get('/readyz')).json()).toEqual({
      ready: true,
      checks: { store: 'ok', 'consumer.spec': 'ok' },
    })
    expect(await (await get('/metrics')).text()).toContain('process_cpu_seconds_total')
  })

  it('is not ready, and says why by code, when a dependency refuses it', async () => {
    storeWorks = false
    const answer = await get('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ ready: false, checks: { store: 'credentials_refused' } })
  })

  it('is not ready while a transport says that it does not consume', async () => {
    transport.member = false
    const answer = await get('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({
      ready: false,
      checks: { store: 'ok', 'consumer.spec': 'consumer_not_running' },
    })
  })

  it('answers with problem+json and its code', async () => {
    const answer = await get('/v1/held')
    expect(answer.status).toBe(409)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toMatchObject({
      type: 'urn:lethe:problem:on_hold',
      code: 'on_hold',
      status: 409,
      detail: 'Release the hold first.',
    })
    expect(await (await get('/v1/nothing')).json()).toMatchObject({ code: 'not_found', status: 404 })
  })

  it.each(['GET', 'DELETE', 'PUT', 'OPTIONS', 'QUERY', 'PROPFIND'])(
    'says what a path takes when it is asked by %s',
    async (method) => {
      const answer = await fetch(`${service.url}/v1/counts?x=1`, { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST')
      expect(await answer.json()).toMatchObject({ code: 'invalid_request', status: 405 })
      expect((await fetch(`${service.url}/v1/nothing`, { method })).headers.has('allow')).toBe(false)
    },
  )

  it('does not call a bad body a wrong method', async () => {
    const answer = await fetch(`${service.url}/v1/counts`, {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body: '<x/>',
    })
    expect(answer.status).toBe(415)
    expect(answer.headers.has('allow')).toBe(false)
  })

  it('never tells the text of an error nobody expected, to the caller or the log', async () => {
    const answer = await get('/v1/broken')
    expect(answer.status).toBe(500)
    expect((await answer.text()) + lines.join('')).not.toContain(secret)
  })

  it('does not repeat an address it can not read', async () => {
    const answer = await get('/%ada@example.org')
    expect(answer.status).toBe(400)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'invalid_request' })
    expect(text).not.toContain('ada')
  })

  it('refuses a body that does not match, naming the field and not the value', async () => {
    const post = (text: string) =>
      fetch(`${service.url}/v1/counts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: text,
      })
    const answer = await post(JSON.stringify({ count: secret }))
    expect(answer.status).toBe(400)
    const text = await answer.text()
    expect(text).toContain('count')
    expect(text).not.toContain(secret)
    const malformed = await post('{')
    expect(malformed.status).toBe(400)
    expect(await malformed.json()).toMatchObject({ code: 'invalid_request' })
  })

  it('hands errors of message handlers to the transport unchanged', async () => {
    await expect(transport.deliver('spec.topic')).rejects.toThrow(PausedError)
  })

  it('closes its transports once, however often it is stopped', async () => {
    await Promise.all([service.stop(), service.stop()])
    await service.stop()
    expect(transport.closed).toBe(1)
  })
})
