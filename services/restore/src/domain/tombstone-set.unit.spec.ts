import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { TombstoneSet } from './tombstone-set.js'

describe('a set of tombstones', () => {
  it('says of each once that it is new, and has none of the others', () => {
    const set = new TombstoneSet()
    // As they are made one behind the other in one millisecond.
    const ids = Array.from(
      { length: 50_000 },
      (_, n) => `0196f3a2-1000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    )
    const random = Array.from({ length: 50_000 }, () => randomUUID())
    const all = [...ids, ...random]
    expect(all.every((id) => set.add(id))).toBe(true)
    expect(all.some((id) => set.add(id))).toBe(false)
    expect(all.every((id) => set.has(id))).toBe(true)
    expect(set.size).toBe(all.length)
    expect(ids.some((id) => set.has(`1${id.slice(1)}`) || set.has(`${id}0`))).toBe(false)
  })

  it('takes any text', () => {
    const set = new TombstoneSet()
    for (const text of ['', '\0', '\0\0', 'ü', 'tombstone-u1']) {
      expect(set.has(text)).toBe(false)
      expect(set.add(text)).toBe(true)
      expect(set.has(text)).toBe(true)
    }
  })
})
