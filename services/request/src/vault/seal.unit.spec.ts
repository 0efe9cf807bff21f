import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EpochKey } from './key-store.js'
import { seal, unseal } from './seal.js'

const keyed = (...epochs: string[]) => {
  const keys = new Map(epochs.map((epoch) => [epoch, { epoch, key: randomBytes(32) }]))
  return {
    current: keys.get(epochs.at(-1) as string) as EpochKey,
    find: (epoch: string) => keys.get(epoch) ?? null,
  }
}
const context = { requestId: 'r1', systemId: 'shop-pg' }

describe('sealing', () => {
  it('gives back what was sealed, and never the same bytes twice', () => {
    const keys = keyed('2026-11')
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const plain = Buffer.from(bytes)
        const first = seal(keys.current, context, plain)
        const second = seal(keys.current, context, plain)
        expect(unseal(keys, context, first).equals(plain)).toBe(true)
        expect(first.sealed.equals(second.sealed)).toBe(false)
      }),
    )
  })

  it('refuses any altered byte, and any cut', () => {
    const keys = keyed('2026-11')
    const entry = seal(keys.current, context, Buffer.from('anna@example.com'))
    for (let at = 0; at < entry.sealed.length; at++) {
      const altered = Buffer.from(entry.sealed)
      altered[at] = (altered[at] as number) ^ 1
      expect(() => unseal(keys, context, { ...entry, sealed: altered })).toThrow(
        /does not open|unknown format/,
      )
      expect(() => unseal(keys, context, { ...entry, sealed: entry.sealed.subarray(0, at) })).toThrow(
        /does not open|unknown format/,
      )
    }
  })

  it('opens for its own request, system and epoch only', () => {
    const keys = keyed('2026-10', '2026-11')
    const entry = seal(keys.current, context, Buffer.from('x'))
    expect(() => unseal(keys, { ...context, requestId: 'r2' }, entry)).toThrow(/does not open/)
    expect(() => unseal(keys, { ...context, systemId: 'cache' }, entry)).toThrow(/does not open/)
    expect(() => unseal(keys, context, { ...entry, epoch: '2026-10' })).toThrow(/does not open/)
  })

  it('says that the key is destroyed, and nothing of the content', () => {
    const entry = seal(keyed('2026-10').current, context, Buffer.from('anna@example.com'))
    expect(() => unseal(keyed('2026-11'), context, entry)).toThrow(/^No key for .* epoch 2026-10\.$/)
  })
})
