import { describe, expect, it } from 'vitest'
import { digestsOf, idempotencyDigests, parsePeppers } from './digest.js'

const old = parsePeppers('v1=0123456789abcdef')
const both = parsePeppers('v1=0123456789abcdef,v2=fedcba9876543210')
const email = { type: 'email', value: 'anna@example.com' } as const

describe('digests', () => {
  it('name the pepper they were made with, one per live pepper', () => {
    expect(digestsOf(both, 'shop', [email]).map((digest) => digest.slice(0, 3))).toEqual(['v1.', 'v2.'])
    expect(digestsOf(both, 'shop', [email])).toEqual(expect.arrayContaining(digestsOf(old, 'shop', [email])))
  })

  it('keep tenants, types and values apart, however they are cut', () => {
    const of = (tenant: string, type: string, value: string) =>
      digestsOf(old, tenant, [{ type: type as 'email', value }])[0]
    const all = [
      of('a', 'email', 'b'),
      of('a', 'phone', 'b'),
      of('b', 'email', 'a'),
      of('a"', 'email', 'b'),
      of('a","email', 'email', 'b'),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('keep idempotency keys of different callers apart', () => {
    expect(idempotencyDigests(old, 'a', 'k')).not.toEqual(idempotencyDigests(old, 'b', 'k'))
  })

  it.each(['', 'v1', 'v1=short', 'x=0123456789abcdef', 'v1=0123456789abcdef,v1=0123456789abcdef'])(
    'refuse a pepper list written as %j',
    (text) => expect(() => parsePeppers(text)).toThrow(/pepper/),
  )
})
