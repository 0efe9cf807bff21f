import type { Incoming, Outgoing } from '@lethe/messaging'
import { deriveMacKey, verifyMac, type wire } from '@lethe/schemas'
import { createLogger, PausedError, RetryableError, TerminalError } from '@lethe/service-host'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Connector, Counts, EraseIo, Outcome, Pass, Receipt, Session } from './connector.js'
import { concerns, EraseHost } from './erase-host.js'
import { StoreAwayError } from './errors.js'
import { PATIENCE_MS } from './patience.js'
import type { ClearanceAnswer, ClearanceQuestion } from './request-client.js'
import { Systems } from './systems.js'

const macKey = deriveMacKey('s', { purpose: 'probe', requestId: 'r', systemId: 's', passId: 'p' })
const counts: Counts = { users: { found: 2, erased: 2, redacted: 0, retained: 0, failed: 0 } }
const erased: Outcome = { outcome: 'erased', counts }
const context = { signal: new AbortController().signal, heartbeat: async () => {} }

const item = (
  requestId: string,
  change: Partial<wire.RequestedPass> = {},
): Incoming<wire.ErasureRequested> => ({
  topic: 'erasure.requested',
  partition: 0,
  offset: '0',
  key: requestId,
  headers: {},
  timestamp: 0,
  type: 'ErasureRequested',
  raw: Buffer.alloc(0),
  value: {
    requestId,
    tenantId: 't',
    subjectRef: `ref-${requestId}`,
    mapVersion: 1,
    passes: [
      { systemId: 'mine', stepId: 'mine#1', passId: 'mine#1/initial', attempt: 1, ...change },
      { systemId: 'other', stepId: 'other#1', passId: 'other#1/initial', attempt: 1 },
    ],
    requestedAt: 0,
  },
})

describe('the erase host', () => {
  let sent: Outgoing[]
  let questions: ClearanceQuestion[]
  let receipts: Receipt[]
  let decide: (pass: { requestId: string; passId: string }) => Partial<ClearanceAnswer> | Error
  let erase: (batch: readonly Pass[], io: EraseIo) => Promise<Outcome[]>
  let storeWorks: boolean
  let grantMs: number
  let published: () => void

  beforeEach(() => {
    sent = []
    questions = []
    receipts = []
    decide = () => ({ decision: 'go' })
    erase = async (batch) => batch.map(() => erased)
    storeWorks = true
    grantMs = 60_000
    published = () => {}
  })

  const session: Session = {
    preview: async () => [],
    describe: async () => {
      if (!storeWorks) throw new RetryableError('store_unreachable', 'The store does not answer.')
      return { version: '1', collections: [], findings: [] }
    },
    close: async () => {},
    erase: (batch, io) => erase(batch, io),
    receipts: {
      read: async (keys) => receipts.filter((r) => keys.some((k) => k.requestId === r.requestId)),
      marker: async () => ({ found: null, receipts: 0 }),
      prune: async () => 0,
    },
  }
  const connector = {
    kind: 'fake',
    version: '1',
    capabilities: { receipts: 'transactional', batch: { max: 10 } },
    options: { safeParse: (data: unknown) => ({ success: true, data }) },
    system: { safeParse: (data: unknown) => ({ success: true, data }) },
    open: async () => session,
  } as unknown as Connector

  function host(now: () => number = Date.now): EraseHost {
    const request = {
      clear: async (question: ClearanceQuestion): Promise<ClearanceAnswer[]> => {
        questions.push(question)
        return question.passes.map(({ requestId, passId }) => {
          const decided = decide({ requestId, passId })
          if (decided instanceof Error) throw decided
          return {
            requestId,
            passId,
            decision: 'never',
            grant: {
              grantId: `grant-${requestId}`,
              expiresAt: Date.now() + grantMs,
              macKey: macKey.toString('base64url'),
            },
            subject: { subjectRef: `ref-${requestId}`, tenantId: 't', identifiers: [], receivedAt: 0 },
            ...decided,
          }
        })
      },
      section: async () => ({
        version: 1,
        tenant: { none: true as const },
        canonical: 'user_id' as const,
        system: { systemId: 'mine', kind: 'fake', connection: 'MINE', ceiling: null, body: {} },
      }),
    }
    return new EraseHost({
      now,
      systemId: 'mine',
      connector,
      request,
      systems: new Systems(connector, 'mine', request, () => 'fake://'),
      publisher: {
        send: async (messages) => {
          published()
          sent.push(...messages)
        },
      },
      logger: createLogger('spec', { level: 'silent' }),
    })
  }
  const acks = () => sent.map(({ value }) => value as wire.ErasureAcknowledged)

  it('asks for clearance of its own passes in one call, and for nobody else', async () => {
    await host().handle([item('a'), item('b')], context)
    expect(questions).toEqual([
      {
        systemId: 'mine',
        purpose: 'erase',
        passes: ['a', 'b'].map((requestId) => ({ requestId, passId: 'mine#1/initial', attempt: 1 })),
        // What stands in the store now: a copy that Lethe does not know gets no grants.
        marker: { value: null, receipts: 0 },
      },
    ])
  })

  it('seals what it publishes, under the ack id as ce_id and the subject as key', async () => {
    await host().handle([item('a')], context)
    const [ack] = acks()
    expect(ack && verifyMac(ack, macKey)).toBe(true)
    expect(ack).toMatchObject({ outcome: 'erased', counts, grantId: 'grant-a', subjectRef: 'ref-a' })
    expect(sent[0]).toMatchObject({ topic: 'erasure.acknowledged', key: 'ref-a', id: ack?.ackId })
  })

  it('publishes exactly what the connector kept as receipt', async () => {
    erase = async (batch, io) => {
      receipts = batch.map((pass) => io.receipt(pass, erased))
      return batch.map(() => ({ ...erased, position: 'known only after the commit' }))
    }
    await host().handle([item('a')], context)
    expect(acks()).toEqual(receipts.map(({ body }) => JSON.parse(body)))
    await host().handle([item('a')], context)
    expect(acks()[1]).toEqual(acks()[0])
    expect(questions).toHaveLength(1)
  })

  it('with a damaged receipt among good ones repeats those, and fails that pass alone', async () => {
    erase = async (batch, io) => {
      const fresh = batch.map((pass) => io.receipt(pass, erased))
      receipts.push(...fresh)
      return batch.map(() => erased)
    }
    await host().handle([item('r1')], context)
    receipts.push({ requestId: 'r2', passId: 'mine#1/initial', body: '{"cut' })
    sent = []
    await host().handle([item('r1'), item('r2')], context)
    expect(acks().map(({ requestId, outcome, errorCode }) => [requestId, outcome, errorCode])).toEqual([
      ['r1', 'erased', null],
      ['r2', 'failed', 'receipt_unreadable'],
    ])
  })

  it('refuses to keep a receipt of success for a partial failure', async () => {
    const partial = { users: { found: 2, erased: 1, redacted: 0, retained: 0, failed: 1 } }
    erase = async (batch, io) => {
      for (const pass of batch) io.receipt(pass, { outcome: 'erased', counts: partial })
      return batch.map(() => ({ outcome: 'erased', counts: partial }))
    }
    await host().handle([item('a')], context)
    expect(acks()[0]).toMatchObject({ outcome: 'failed', errorCode: 'partial_failure' })
  })

  it('takes only the last of several attempts of one pass', async () => {
    await host().handle([item('a', { attempt: 1 }), item('a', { attempt: 2 })], context)
    expect(questions[0]?.passes).toEqual([{ requestId: 'a', passId: 'mine#1/initial', attempt: 2 }])
    expect(acks()).toHaveLength(1)
  })

  it.each(['never', 'not_now'] as const)('drops a pass that gets %s, without a word', async (decision) => {
    decide = ({ requestId }) => ({ decision: requestId === 'a' ? decision : 'go' })
    const verdicts = await host().handle([item('a'), item('b')], context)
    expect(verdicts).toEqual([{ ok: true }, { ok: true }])
    expect(acks().map(({ requestId }) => requestId)).toEqual(['b'])
  })

  it('asks again when it is told to come back in a moment', async () => {
    decide = () => (questions.length < 2 ? { decision: 'not_now', retryAfterMs: 5 } : { decision: 'go' })
    await host().handle([item('a')], context)
    expect(questions).toHaveLength(2)
    expect(acks()).toHaveLength(1)
  })

  it('fails closed on a go without a grant', async () => {
    decide = () => ({ decision: 'go', grant: undefined })
    erase = async () => {
      throw new Error('must not be called')
    }
    await host().handle([item('a')], context)
    expect(sent).toEqual([])
  })

  it('pauses, and erases nothing, when request does not answer', async () => {
    decide = () => new PausedError('request_unreachable', 'request does not answer.')
    let called = 0
    erase = async (batch) => {
      called += 1
      return batch.map(() => erased)
    }
    await expect(host().handle([item('a')], context)).rejects.toThrow(PausedError)
    expect(called).toBe(0)
  })

  it('pauses, and asks no second time, when a person can not be resolved now: nothing is dropped', async () => {
    decide = () => ({ decision: 'not_now', code: 'unavailable', retryAfterMs: 5 })
    await expect(host().handle([item('a')], context)).rejects.toThrow(PausedError)
    expect(questions).toHaveLength(1)
    expect(sent).toEqual([])
  })

  it('pauses while the gate of its restored store is shut: nothing is dropped', async () => {
    decide = () => ({ decision: 'not_now', code: 'gate_closed', retryAfterMs: 5 })
    await expect(host().handle([item('a')], context)).rejects.toThrow(PausedError)
    expect(sent).toEqual([])
  })

  it('pauses for those that can not be resolved only after erasing those that have their grant', async () => {
    decide = ({ requestId }) =>
      requestId === 'a' ? { decision: 'not_now', code: 'unavailable', retryAfterMs: 5 } : { decision: 'go' }
    await expect(host().handle([item('a'), item('b')], context)).rejects.toThrow(PausedError)
    expect(acks().map(({ requestId, outcome }) => [requestId, outcome])).toEqual([['b', 'erased']])
  })

  it('pauses when the store is away, after telling what was done before it went', async () => {
    erase = async (batch) => {
      if (batch.length > 1) throw new TerminalError('refused', 'The store refuses one of them.')
      if (batch[0]?.requestId === 'a') return [erased]
      storeWorks = false
      throw new RetryableError('store_unreachable', 'The store does not answer.')
    }
    await expect(host().handle([item('a'), item('b')], context)).rejects.toThrow(PausedError)
    expect(acks().map(({ requestId, outcome }) => [requestId, outcome])).toEqual([['a', 'erased']])
  })

  const busyFor = (busy: string) => {
    erase = async (batch) => {
      if (batch.some(({ requestId }) => requestId === busy))
        throw new StoreAwayError('store_busy', 'The store takes no work now.')
      return batch.map(() => erased)
    }
  }

  it('lets a pass wait, and spends nothing, while the store answers that it takes no work', async () => {
    busyFor('b')
    const verdicts = await host().handle([item('a'), item('b'), item('c')], context)
    expect(verdicts).toMatchObject([
      { ok: true },
      { ok: false, error: { code: 'store_busy', errorClass: 'paused' } },
      { ok: true },
    ])
    expect(acks().map(({ requestId, outcome }) => [requestId, outcome])).toEqual([
      ['a', 'erased'],
      ['c', 'erased'],
    ])
  })

  it('waits so while not even receipts can be read', async () => {
    const reading = session.receipts?.read
    Object.assign(session.receipts ?? {}, {
      read: () => Promise.reject(new StoreAwayError('store_busy', 'The store takes no work now.')),
    })
    await expect(host().handle([item('a')], context)).rejects.toMatchObject({ errorClass: 'paused' })
    Object.assign(session.receipts ?? {}, { read: reading })
    expect([questions, sent]).toEqual([[], []])
  })

  it('fails a pass the store has no time for in the end, to be tried again, and begins anew with the next', async () => {
    busyFor('b')
    let at = Date.now()
    const patient = host(() => at)
    const handled = async () => (await patient.handle([item('b')], context))[0]?.ok
    expect(await handled()).toBe(false)
    at += PATIENCE_MS - 1
    expect(await handled()).toBe(false)
    expect(sent).toEqual([])
    at += 1
    expect(await handled()).toBe(true)
    expect(acks()).toMatchObject([{ outcome: 'failed', errorCode: 'store_busy', errorClass: 'retryable' }])
    expect(await handled()).toBe(false)
  })

  it('acknowledges a single failing pass with code and class, and keeps the text to itself', async () => {
    const person = 'anna@example.org'
    erase = async (batch) => {
      if (batch.some(({ requestId }) => requestId === 'b')) throw new Error(`duplicate key ${person}`)
      return batch.map(() => erased)
    }
    const verdicts = await host().handle([item('a'), item('b'), item('c')], context)
    expect(verdicts.every(({ ok }) => ok)).toBe(true)
    expect(Object.fromEntries(acks().map(({ requestId, outcome }) => [requestId, outcome]))).toEqual({
      a: 'erased',
      b: 'failed',
      c: 'erased',
    })
    expect(acks().find(({ requestId }) => requestId === 'b')).toMatchObject({
      errorCode: 'unexpected',
      errorClass: 'retryable',
    })
    expect(JSON.stringify(sent)).not.toContain(person)
  })

  it('tries a message again when its grant ended before the commit, and acknowledges nothing for it', async () => {
    grantMs = 20
    erase = (_batch, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const [verdict] = await host().handle([item('a')], context)
    expect(verdict).toMatchObject({ ok: false, error: { code: 'grant_expired' } })
    expect(sent).toEqual([])
  })

  it('pauses when acknowledgements can not be published', async () => {
    published = () => {
      throw new RetryableError('publish_failed', 'Kafka did not take the messages')
    }
    await expect(host().handle([item('a')], context)).rejects.toThrow(PausedError)
  })

  it('shows the request as failed before a command is dead-lettered', async () => {
    await host().onDeadLetter(item('a'), new TerminalError('map_mismatch', 'The map does not fit.'))
    expect(acks()).toMatchObject([
      { requestId: 'a', outcome: 'failed', errorCode: 'map_mismatch', errorClass: 'terminal' },
    ])
  })

  it('keeps the offset when that can not be said', async () => {
    decide = () => new PausedError('request_unreachable', 'request does not answer.')
    await expect(host().onDeadLetter(item('a'), new Error('poison'))).rejects.toThrow(PausedError)
  })

  it('keeps the offset when the person can not be resolved now', async () => {
    decide = () => ({ decision: 'not_now', code: 'unavailable', retryAfterMs: 5 })
    await expect(host().onDeadLetter(item('a'), new Error('poison'))).rejects.toThrow(PausedError)
  })

  it('lets a command go that nobody can decode', async () => {
    await host().onDeadLetter({ ...item('a'), type: null, value: null }, new Error('undecodable'))
    expect(sent).toEqual([])
  })
})

describe('the systems header', () => {
  it('skips what is for others and reads what does not say', () => {
    expect(concerns('cache')({ systems: ',shop-pg,cache,' })).toBe(true)
    expect(concerns('cache')({ systems: ',shop-cache,' })).toBe(false)
    expect(concerns('cache')({})).toBe(true)
  })
})
