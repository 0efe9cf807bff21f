import type { Incoming } from '@lethe/messaging'
import { deriveMacKey, macOf, type wire } from '@lethe/schemas'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { proven } from './read-message.js'

const secret = 'a secret of the tests that is long enough'
const scope = {
  purpose: 'ack',
  requestId: 'r1',
  systemId: 'shop-pg',
  passId: 'shop-pg#1/initial',
  attempt: 1,
  grantId: 'g1',
} as const

const unsigned: Omit<wire.ErasureAcknowledged, 'mac'> = {
  ackId: 'a1',
  requestId: 'r1',
  tenantId: 'acme',
  subjectRef: 's1',
  systemId: 'shop-pg',
  stepId: 'shop-pg#1',
  passId: 'shop-pg#1/initial',
  attempt: 1,
  startedAt: 1,
  finishedAt: 2,
  outcome: 'erased',
  counts: { users: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0 } },
  position: null,
  errorCode: null,
  errorClass: null,
  nextRetryAt: null,
  vendorRef: null,
  vendorExpectedAt: null,
  retained: [],
  expiring: null,
  connectorVersion: '1',
  grantId: 'g1',
}
const signed = { ...unsigned, mac: macOf(unsigned, deriveMacKey(secret, scope)) }

const incoming = (type: string, value: unknown): Incoming => ({
  topic: 'erasure.acknowledged',
  partition: 0,
  offset: '0',
  key: 's1',
  headers: {},
  timestamp: 0,
  type,
  value,
  raw: Buffer.alloc(0),
})

describe('reading an acknowledgement', () => {
  it('gives the command without mac, tenant and subject', () => {
    const message = proven(incoming('ErasureAcknowledged', signed), secret)
    expect(message).toMatchObject({ messageId: 'a1', requestId: 'r1', command: { type: 'Acknowledge' } })
    expect(JSON.stringify(message)).not.toMatch(/"mac"|subjectRef|tenantId/)
  })

  it.each([
    [
      'counts were altered',
      { counts: { users: { found: 9, erased: 9, redacted: 0, retained: 0, failed: 0 } } },
    ],
    ['the outcome was altered', { outcome: 'not_found' }],
    ['another system signs with its own grant', { systemId: 'cache' }],
    ['another request is named', { requestId: 'r2' }],
    ['another grant is named', { grantId: 'g2' }],
    ['the mac is empty', { mac: '' }],
    ['a name is no text at all', { passId: { toString: 0 } }],
  ])('refuses it when %s', (_, change) => {
    expect(() => proven(incoming('ErasureAcknowledged', { ...signed, ...change }), secret)).toThrow(
      expect.objectContaining({ code: 'grant_invalid', errorClass: 'terminal' }),
    )
  })

  it('refuses a type that does not belong on the topic', () => {
    expect(() => proven(incoming('ErasureRequested', {}), secret)).toThrow(
      expect.objectContaining({ code: 'schema_unknown' }),
    )
  })

  it('refuses every other value of every field, and never fails otherwise', () => {
    const marked = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `#canary#${text}`)
    const fields = Object.keys(signed) as (keyof typeof signed)[]
    const other = fc.oneof(marked, fc.anything({ values: [marked, fc.integer(), fc.constant(null)] }))
    fc.assert(
      fc.property(fc.constantFrom(...fields), other, (field, value) => {
        fc.pre(canonicalOf(value) !== canonicalOf(signed[field]))
        expect(() => proven(incoming('ErasureAcknowledged', { ...signed, [field]: value }), secret)).toThrow(
          expect.objectContaining({ code: 'grant_invalid' }),
        )
      }),
    )
  })
})

const canonicalOf = (value: unknown) => JSON.stringify(value) ?? 'none'
