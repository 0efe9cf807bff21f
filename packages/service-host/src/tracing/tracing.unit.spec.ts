import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, it } from 'vitest'
import { RetryableError } from '../errors.js'
import { allowedAttributes, allowedName, type SpanAttributes, type SpanName } from './allowed.js'
import { tracingTo } from './open-telemetry.js'
import { batchSpan, pastSpan, spansAround, traceparentFor, useSpanMaker } from './traces.js'

const requestId = '01a1fddd-5610-7561-a7e7-2146ddabb07a'
const traceId = requestId.replaceAll('-', '')
const other = '01a1fddd-5611-7abc-8def-0123456789ab'
const secret = 'anna@example.org'

function on(): InMemorySpanExporter {
  const memory = new InMemorySpanExporter()
  useSpanMaker(tracingTo('spec', 1, new SimpleSpanProcessor({ exporter: memory })))
  return memory
}
const parents = (memory: InMemorySpanExporter) => {
  const spans = memory.getFinishedSpans()
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
  return Object.fromEntries(
    spans.map((span) => [
      span.name,
      names.get(span.parentSpanContext?.spanId ?? '') ?? span.parentSpanContext?.spanId,
    ]),
  )
}

afterEach(() => useSpanMaker(null))

describe('a trace', () => {
  it('is one per request, from its first span down to the last', async () => {
    const memory = on()
    let sent: string | null = null
    const requests = () => [{ requestId }]
    await spansAround(
      'request.accept',
      requests,
      () =>
        spansAround('request.transact', requests, async () => {
          sent = traceparentFor(requestId)
        }),
      { root: true },
    )
    await batchSpan(
      {},
      () => [{ requestId, traceparent: sent ?? '' }],
      () => spansAround('eraser.pass', requests, async (mark) => mark(0, { 'lethe.count.erased': 7 })),
    )
    const spans = memory.getFinishedSpans()
    expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]))
    expect(parents(memory)).toEqual({
      'request.accept': undefined,
      'request.transact': 'request.accept',
      'kafka.consume': 'request.transact',
      'eraser.pass': 'kafka.consume',
    })
    expect(spans.at(-2)?.attributes).toEqual({ 'lethe.request.id': requestId, 'lethe.count.erased': 7 })
  })

  it('of a batch that mixes requests is its own, linked both ways', async () => {
    const memory = on()
    const requests = () => [{ requestId }, { requestId: other }]
    await batchSpan({}, requests, () => spansAround('aggregator.fold', requests, async () => undefined))
    const [one, two, batch] = memory.getFinishedSpans()
    expect(batch?.name).toBe('kafka.consume')
    expect(batch?.links.map(({ context }) => context.traceId)).toEqual([traceId, other.replaceAll('-', '')])
    expect([one, two].map((span) => span?.spanContext().traceId)).toEqual([
      traceId,
      other.replaceAll('-', ''),
    ])
    for (const span of [one, two])
      expect(span?.links.map(({ context }) => context.spanId)).toEqual([batch?.spanContext().spanId])
  })

  it('is not joined to another by what a message claims', async () => {
    const memory = on()
    const traceparent = `00-${Buffer.from(secret).toString('hex')}-${'ab'.repeat(8)}-01`
    await spansAround(
      'probe.pass',
      () => [{ requestId, traceparent }],
      async () => undefined,
    )
    pastSpan('http.call', null, { startedAt: 1, endedAt: 2, attributes: {} })
    const [span, call] = memory.getFinishedSpans()
    expect(span?.spanContext().traceId).toBe(traceId)
    expect(span?.parentSpanContext?.spanId).toBe(traceId.slice(16))
    expect(call?.parentSpanContext).toBeUndefined()
  })

  it('costs a request that is no UUID its span and nothing else', async () => {
    const memory = on()
    expect(
      await spansAround(
        'eraser.pass',
        () => [{ requestId: secret }],
        async () => 'done',
      ),
    ).toBe('done')
    expect(memory.getFinishedSpans()).toEqual([])
    expect(traceparentFor(secret)).toBeNull()
  })

  it('shows the code of an error and lets the error through', async () => {
    const memory = on()
    const error = new RetryableError('store_down', `row of ${secret}`, { cause: new Error(secret) })
    const failing = spansAround(
      'eraser.erase',
      () => [{ requestId }],
      () => Promise.reject(error),
    )
    await expect(failing).rejects.toBe(error)
    const [span] = memory.getFinishedSpans()
    expect(span?.attributes).toMatchObject({ 'error.type': 'store_down' })
    expect(span?.status).toEqual({ code: 2 })
    expect(JSON.stringify([span?.attributes, span?.events, span?.status])).not.toContain(secret)
  })

  it('is not even thought of while tracing is off', async () => {
    const never = () => {
      throw new Error('nobody asks')
    }
    expect(await spansAround('eraser.pass', never, async () => 1)).toBe(1)
    expect(await batchSpan({}, never, async () => 2)).toBe(2)
    expect(traceparentFor(requestId)).toBeNull()
  })
})

describe('what a span may say', () => {
  const leaky = {
    'lethe.request.id': secret,
    'lethe.system.id': secret,
    'lethe.pass.id': `${secret}/initial`,
    'lethe.outcome': secret,
    'error.type': `duplicate key (email)=(${secret})`,
    'lethe.count.erased': secret,
    'http.route': `/v1/people/${secret}`,
    'http.url': `http://x/${secret}`,
    'exception.message': secret,
    email: secret,
  }

  it('is on the list and looks as it should; everything else is dropped', () => {
    expect(allowedAttributes(leaky)).toEqual({})
    expect(allowedName(`GET /v1/people/${secret}`)).toBe('unnamed')
    expect(
      allowedAttributes({ 'lethe.system.id': 'shop-pg', 'lethe.pass.id': 'shop-pg#1/restore-17' }),
    ).toEqual({
      'lethe.system.id': 'shop-pg',
      'lethe.pass.id': 'shop-pg#1/restore-17',
    })
  })

  it('is all an exporter gets, and the same span would show the person without the list', async () => {
    const [clean, raw] = [new InMemorySpanExporter(), new InMemorySpanExporter()]
    const shown = (memory: InMemorySpanExporter) =>
      JSON.stringify(
        memory.getFinishedSpans().map(({ name, attributes, events, links, status }) => ({
          name,
          attributes,
          events,
          links,
          status,
        })),
      )
    const simple = (exporter: InMemorySpanExporter) => new SimpleSpanProcessor({ exporter })
    useSpanMaker(tracingTo('spec', 1, simple(clean)))
    const attributes = leaky as SpanAttributes
    await spansAround(
      secret as SpanName,
      () => [{ requestId, attributes }],
      async () => undefined,
    )
    expect(clean.getFinishedSpans()).toHaveLength(1)
    expect(shown(clean)).not.toContain(secret)
    useSpanMaker(tracingTo('spec', 1, simple(raw), (next) => next))
    await spansAround(
      secret as SpanName,
      () => [{ requestId, attributes }],
      async () => undefined,
    )
    expect(shown(raw)).toContain(secret)
  })
})
