import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytesOf, DigestSet, digestBytes, versionOf } from './digest-set.js'

describe('a set of digests', () => {
  it('has all that were added, however many, and none of the others', () => {
    const set = new DigestSet()
    const added = Array.from({ length: 20_000 }, () => randomBytes(32))
    for (const one of added) set.add(one)
    for (const one of added.slice(0, 100)) set.add(one)
    expect(set.size).toBe(20_000)
    expect(added.every((one) => set.has(one))).toBe(true)
    expect(Array.from({ length: 20_000 }, () => randomBytes(32)).some((one) => set.has(one))).toBe(false)
  })

  it('has what begins with zeroes', () => {
    const set = new DigestSet()
    expect(set.has(Buffer.alloc(32))).toBe(false)
    set.add(Buffer.alloc(32))
    expect(set.has(Buffer.alloc(32))).toBe(true)
  })
})

describe('a digest', () => {
  it('is made as the vault makes it, and read back', () => {
    const bytes = digestBytes('a pepper of sixteen', 'acme', 'user_id', 'u1')
    const text = `v2.${bytes.toString('base64url')}`
    // HMAC-SHA256 of ["acme","user_id","u1"].
    expect(bytesOf(text)).toEqual(bytes)
    expect(versionOf(text)).toBe('v2')
    expect(bytesOf('v2.')).toBeNull()
  })
})
