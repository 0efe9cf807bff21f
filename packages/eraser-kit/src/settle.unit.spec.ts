import { RetryableError, TerminalError } from '@lethe/service-host'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EraseIo, Outcome, Pass, Receipt, Session } from './connector.js'
import { settle } from './settle.js'

const passOf = (name: string): Pass => ({
  requestId: name,
  systemId: 's',
  stepId: 's#1',
  passId: 's#1/initial',
  attempt: 1,
  subject: { subjectRef: `ref-${name}`, tenantId: 't', identifiers: [], receivedAt: 0 },
  grant: { grantId: `grant-${name}`, expiresAt: Number.MAX_SAFE_INTEGER },
  ceilingWaived: false,
})
const io: EraseIo = {
  signal: new AbortController().signal,
  now: () => 0,
  receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
}

/** A store whose batches fail as a whole, as one SQL statement does. */
class FakeStore {
  calls = 0
  readonly erased = new Set<string>()
  readonly kept: Receipt[] = []
  constructor(private readonly fault: (batch: readonly Pass[]) => Error | undefined) {}

  readonly session: Session = {
    preview: async () => [],
    describe: async () => ({ version: '1', collections: [], findings: [] }),
    close: async () => {},
    receipts: {
      read: async (keys) => this.kept.filter((r) => keys.some((k) => k.requestId === r.requestId)),
      marker: async () => ({ found: null, receipts: 0 }),
      prune: async () => 0,
    },
    erase: async (batch, eraseIo) => {
      this.calls += 1
      const error = this.fault(batch)
      if (error) throw error
      return batch.map((pass) => this.eraseOne(pass, eraseIo))
    },
  }

  eraseOne(pass: Pass, eraseIo: EraseIo): Outcome {
    const outcome: Outcome = { outcome: this.erased.has(pass.requestId) ? 'not_found' : 'erased', counts: {} }
    this.erased.add(pass.requestId)
    this.kept.push(eraseIo.receipt(pass, outcome))
    return outcome
  }
}

describe('settling a batch', () => {
  it('erases everybody but the bad subjects, however many there are and wherever they stand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), async (bad) => {
        const passes = bad.map((_, index) => passOf(String(index)))
        const isBad = (pass: Pass) => bad[Number(pass.requestId)] === true
        const store = new FakeStore((batch) =>
          batch.some(isBad) ? new TerminalError('refused', 'The store refuses.') : undefined,
        )
        const settlements = await settle(store.session, passes, io)
        expect(settlements.map(({ by }) => by)).toEqual(bad.map((b) => (b ? 'error' : 'outcome')))
        expect(store.calls).toBeLessThan(2 * passes.length)
      }),
    )
  })

  it('reads receipts before it tries again, so that a lost answer does not lose the counts', async () => {
    let lost = false
    const store: FakeStore = new FakeStore((batch) => {
      if (lost) return undefined
      lost = true
      // Committed, but nobody heard it.
      for (const pass of batch) store.eraseOne(pass, io)
      return new RetryableError('connection_lost', 'The connection broke.')
    })
    const settlements = await settle(store.session, [passOf('a'), passOf('b')], io)
    for (const settlement of settlements) {
      expect(settlement.by).toBe('receipt')
      if (settlement.by === 'receipt') expect(JSON.parse(settlement.receipt.body).outcome).toBe('erased')
    }
    expect(store.calls).toBe(1)
  })

  it('does not ask a store that is down once per person', async () => {
    const store = new FakeStore(() => new RetryableError('store_unreachable', 'The store does not answer.'))
    const settlements = await settle(
      store.session,
      Array.from({ length: 500 }, (_, index) => passOf(String(index))),
      io,
    )
    expect(settlements.every(({ by }) => by === 'error')).toBe(true)
    expect(store.calls).toBeLessThan(30)
  })

  it('stops halving when the grant has ended', async () => {
    const store = new FakeStore(() => new Error('aborted'))
    await settle(store.session, [passOf('a'), passOf('b'), passOf('c')], {
      ...io,
      signal: AbortSignal.abort(),
    })
    expect(store.calls).toBe(1)
  })

  it('takes too few outcomes for a failure', async () => {
    const store = new FakeStore(() => undefined)
    const session: Session = { ...store.session, erase: async () => [] }
    expect((await settle(session, [passOf('a')], io)).map(({ by }) => by)).toEqual(['error'])
  })
})
