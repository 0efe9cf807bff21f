import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { quietQueues, type RequestQueue, restless } from './quiet-queue.js'

const Queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
  new (
    options: object,
  ): RequestQueue & {
    push(request: object): void
    fulfillRequest(answer: object): void
    maybeThrottle(ms: number): void
    destroy(): void
  }
  readonly prototype: RequestQueue
}

const open = (maxInFlightRequests: number) => {
  const silent = { debug: () => {}, warn: () => {} }
  const emitter = new EventEmitter()
  return new Queue({
    maxInFlightRequests,
    requestTimeout: 30_000,
    enforceRequestTimeout: false,
    clientId: 'spec',
    broker: '127.0.0.1:1',
    logger: silent,
    instrumentationEmitter: emitter,
    isConnected: () => true,
  })
}
const entry = (correlationId: number) => ({
  correlationId,
  apiKey: 1,
  apiVersion: 1,
  apiName: 'Fetch',
  resolve: () => {},
  reject: () => {},
})

describe('the request queue of kafkajs', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    quietQueues()
  })
  afterEach(() => {
    vi.useRealTimers()
    quietQueues()
  })

  const sendTwo = (queue: ReturnType<typeof open>) => {
    const sent: number[] = []
    for (const correlationId of [1, 2])
      queue.push({
        entry: entry(correlationId),
        expectResponse: true,
        sendRequest: () => sent.push(correlationId),
      })
    return sent
  }
  const answer = (queue: ReturnType<typeof open>, correlationId: number) =>
    queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 })

  it('leaves no timer behind once everything is answered', () => {
    const queue = open(5)
    expect(sendTwo(queue)).toEqual([1, 2])
    answer(queue, 1)
    answer(queue, 2)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('sends what waited as soon as there is room', () => {
    const queue = open(1)
    const sent = sendTwo(queue)
    expect(sent).toEqual([1])
    answer(queue, 1)
    expect(sent).toEqual([1, 2])
    vi.advanceTimersByTime(1_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('sends what waited for a throttle when it is over, not before', () => {
    const queue = open(5)
    queue.maybeThrottle(200)
    const sent = sendTwo(queue)
    vi.advanceTimersByTime(199)
    expect(sent).toEqual([])
    vi.advanceTimersByTime(20)
    expect(sent).toEqual([1, 2])
  })

  it('wakes for ever as kafkajs has it, which is what the replacement is for', () => {
    Queue.prototype.scheduleCheckPendingRequests = restless
    const queue = open(5)
    sendTwo(queue)
    answer(queue, 1)
    answer(queue, 2)
    vi.advanceTimersByTime(1_000)
    expect(vi.getTimerCount()).toBe(1)
  })
})
