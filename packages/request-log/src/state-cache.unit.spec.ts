import type { RequestState } from '@lethe/domain'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StateCache } from './state-cache.js'

const entry = (version: number) => ({ version, state: { version } as RequestState })

describe('the cache of states', () => {
  it('never holds more than its capacity, whatever comes and goes', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const action = fc.record({ what: fc.constantFrom('put', 'get', 'drop'), key })
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.array(action), (capacity, actions) => {
        const cache = new StateCache(capacity)
        for (const { what, key: id } of actions) {
          if (what === 'put') cache.put(id, entry(1))
          if (what === 'get') cache.get(id)
          if (what === 'drop') cache.drop([id])
          expect(cache.size).toBeLessThanOrEqual(capacity)
        }
      }),
    )
  })

  it('lets the least recently used go first', () => {
    const cache = new StateCache(2)
    cache.put('a', entry(1))
    cache.put('b', entry(1))
    cache.get('a')
    cache.put('c', entry(1))
    expect(cache.get('b')).toBeUndefined()
    expect(cache.get('a')).toEqual(entry(1))
    expect(cache.get('c')).toEqual(entry(1))
  })

  it('keeps the newest of two entries for one request', () => {
    const cache = new StateCache(2)
    cache.put('a', entry(1))
    cache.put('a', entry(2))
    expect(cache.get('a')?.version).toBe(2)
    expect(cache.size).toBe(1)
  })

  it('keeps nothing when its capacity is 0, and refuses one that is no number', () => {
    const cache = new StateCache(0)
    cache.put('a', entry(1))
    expect(cache.get('a')).toBeUndefined()
    expect(() => new StateCache(Number.NaN)).toThrow(RangeError)
  })
})
