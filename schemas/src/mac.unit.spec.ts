import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, deriveMacKey, macOf, verifyMac } from './mac.js'

const scope = {
  purpose: 'ack',
  requestId: 'r1',
  systemId: 'shop-pg',
  passId: 'shop-pg#1/initial',
  attempt: 1,
  grantId: 'g1',
} as const
const key = deriveMacKey('a secret', scope)
const message = { ackId: 'a1', counts: { users: { found: 1, erased: 1 } }, position: null, mac: '' }

describe('the mac of an acknowledgement', () => {
  it('holds for the message as it was signed, whatever the order of its fields', () => {
    const mac = macOf(message, key)
    expect(verifyMac({ ...message, mac }, key)).toBe(true)
    expect(verifyMac({ mac, position: null, counts: message.counts, ackId: 'a1' }, key)).toBe(true)
    expect(verifyMac({ ...message, mac }, key.toString('base64url'))).toBe(true)
  })

  it('fails for altered counts', () => {
    const altered = { ...message, counts: { users: { found: 1, erased: 2 } } }
    expect(verifyMac({ ...altered, mac: macOf(message, key) }, key)).toBe(false)
  })

  it.each([
    ['another request', { ...scope, requestId: 'r2' }],
    ['another system', { ...scope, systemId: 'cache' }],
    ['another pass', { ...scope, passId: 'shop-pg#1/retry-1' }],
    ['another attempt', { ...scope, attempt: 2 }],
    ['another grant', { ...scope, grantId: 'g2' }],
    ['a probe', { ...scope, purpose: 'probe' as const }],
  ])('fails under the key of %s', (_, other) => {
    const mac = macOf(message, deriveMacKey('a secret', other))
    expect(verifyMac({ ...message, mac }, key)).toBe(false)
  })

  it('fails, and does not throw, for anything else in its place', () => {
    fc.assert(fc.property(fc.string(), (mac) => !verifyMac({ ...message, mac }, key)))
  })
})

describe('canonical JSON', () => {
  it('is the same for the same value and parses back to it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value))
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain)
      }),
    )
  })

  it('leaves out what is undefined and keeps what is null', () => {
    expect(canonicalJson({ b: undefined, a: null, c: [2, { z: 1, y: 'x' }] })).toBe(
      '{"a":null,"c":[2,{"y":"x","z":1}]}',
    )
  })
})
