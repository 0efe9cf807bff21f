import { normaliseIdentifier } from '@lethe/domain'
import type { HeldIdentifiers, IdentifierType } from '@lethe/eraser-kit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DigestSet, digestBytes } from '../domain/digest-set.js'
import { HeldMatch, type Match, matchesOneByOne, type Sought } from './held-match.js'
import { bytesOfRecords, type HeldRecord, recordsOf } from './held-records.js'
import { plainFormOf, WIDEST } from './plain-form.js'

const TYPES: readonly IdentifierType[] = ['user_id', 'email', 'phone', 'vendor:stripe', 'vendor:No']

/** Values near every edge of a normal form: what is one, what nearly is, what others write. */
const pieces = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...'abzAZ09._@+=~-|!#$&`{} ()%*"\\?/:') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('ü', 'u\u0308', 'İ', 'ſ', 'K', 'ß', '字', '𝒳', '\u200b', '\u0000'),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 330 }).map((many) => 'x'.repeat(many)) },
  ),
  { maxLength: 12 },
)
const value = fc.oneof(
  pieces.map((some) => some.join('')),
  fc.tuple(pieces, pieces).map(([local, domain]) => `${local.join('')}@${domain.join('')}`),
  fc.integer({ min: -5, max: 99_999_999 }).map(String),
  fc.uuid(),
  fc.emailAddress(),
  fc
    .tuple(fc.constantFrom('+', '00', '+0', ''), fc.stringMatching(/^[0-9]{5,16}$/))
    .map((parts) => parts.join('')),
  fc.tuple(fc.uuid(), fc.uuid()).map((parts) => parts.join('|')),
)
const tenant = fc.constantFrom('shop', 'ship', 'acme "quoted"', 'größer', 'x'.repeat(60), 'x'.repeat(300), '')
const record = fc.record({ value, tenantId: fc.option(tenant) })
const peppers = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 90 }), { minLength: 1, maxLength: 3 })

const page = (type: IdentifierType, records: readonly HeldRecord[]): HeldIdentifiers => ({
  type,
  records: bytesOfRecords(records),
})

const sortedOf = (matches: Iterable<Match>) =>
  [...matches].map((one) => JSON.stringify([one.tenantId, one.digest, one.identifier])).sort()

/** Digests of every other one of these, under every pepper. */
function wanted(sought: Sought, type: IdentifierType, records: readonly HeldRecord[]): void {
  records.forEach(({ value, tenantId }, at) => {
    const normalised = normaliseIdentifier({ type, value })
    if (at % 2 === 1 || !normalised.ok) return
    for (const { secret } of sought.peppers)
      sought.set.add(digestBytes(secret, tenantId ?? 'shop', type, normalised.value))
  })
}

describe('identifiers of a store', () => {
  it('are matched as one after the other would be: whatever stands there, of any tenant, under all peppers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...TYPES), fc.array(record, { maxLength: 30 })), { maxLength: 3 }),
        peppers,
        fc.uniqueArray(tenant, { maxLength: 4 }),
        (pages, secrets, others) => {
          const sought: Sought = {
            set: new DigestSet(),
            peppers: secrets.map((secret, at) => ({ version: `v${at}`, secret })),
            tenants: new Set(['shop', ...others]),
          }
          for (const [type, records] of pages) wanted(sought, type, records)
          const matching = new HeldMatch(sought)
          for (const [type, records] of pages) {
            const held = page(type, records)
            expect(sortedOf(matching.matchesIn(held))).toEqual(sortedOf(matchesOneByOne(sought, held)))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are all found, and nobody else', () => {
    const records = Array.from({ length: 5_000 }, (_, n) => ({
      value: `customer${n}@Example.com`,
      tenantId: null,
    }))
    const sought: Sought = {
      set: new DigestSet(),
      peppers: [{ version: 'v1', secret: 'a pepper of sixteen' }],
      tenants: new Set(['shop']),
    }
    wanted(sought, 'email', records)
    const found = new HeldMatch(sought).matchesIn(page('email', records))
    expect(found).toHaveLength(2_500)
    expect(found[1]).toMatchObject({ tenantId: 'shop', identifier: { type: 'email' } })
    expect(new Set(found.map(({ identifier }) => identifier.value))).toEqual(
      new Set(records.filter((_, at) => at % 2 === 0).map(({ value }) => value.toLowerCase())),
    )
  })
})

describe('a plain form', () => {
  it('is the normal form, or not known', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES.slice(0, 4)), value, (type, text) => {
        const bytes = Buffer.from(text)
        const out = Buffer.alloc(WIDEST)
        const length = plainFormOf(type)(bytes, 0, bytes.length, out)
        if (length < 0) return
        const plain = out.toString('utf8', 0, length)
        expect(normaliseIdentifier({ type, value: text })).toEqual({ ok: true, value: plain })
      }),
      { numRuns: 3_000 },
    )
  })

  it.each([
    ['user_id', 'u1', 'u1'],
    ['email', 'Anna.B+c@Example.COM', 'anna.b+c@example.com'],
    ['phone', '+4915112345678', '+4915112345678'],
    ['vendor:stripe', 'a|B', 'a|B'],
  ])('is known of what is usual: %s', (type, text, normal) => {
    const out = Buffer.alloc(WIDEST)
    expect(out.toString('utf8', 0, plainFormOf(type)(Buffer.from(text), 0, text.length, out))).toBe(normal)
  })

  it.each([
    ['email', ['a@b..c', 'a@.b', 'a@-b', 'a@b.', 'a@b-', 'a@b@c', '@b', 'a@', 'a b@c', 'a@b_c', 'ü@b', '']],
    ['user_id', ['', '._@', 'a b', 'a|b', 'ü', 'a'.repeat(321)]],
    [
      'phone',
      ['+0123456789', '+123456', '+1234567890123456', '0049123456789', '+49 1512345', '+4915123x567'],
    ],
    ['none', ['u1']],
  ])('is left to others where it is none, or not plain: %s', (type, texts) => {
    const out = Buffer.alloc(WIDEST)
    const known = texts.filter(
      (text) => plainFormOf(type)(Buffer.from(text), 0, Buffer.byteLength(text), out) >= 0,
    )
    expect(known).toEqual([])
  })
})

describe('records', () => {
  it('are read as they were written', () => {
    const records = [
      { value: 'u1', tenantId: null },
      { value: 'größer', tenantId: 'a\tb' },
      { value: '', tenantId: '' },
    ]
    expect([...recordsOf(bytesOfRecords(records))]).toEqual(records)
  })
})
