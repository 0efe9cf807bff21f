import { describe, expect, it } from 'vitest'
import { gateWords, leftovers, phaseWords } from './restores.js'

describe('a gate', () => {
  it('is never shown as open when nobody knows', () => {
    const unwatched = gateWords({ standing: 'unknown', watched: false, lookedAt: null })
    expect(unwatched).toMatchObject({ tone: 'warn', text: 'unknown' })
    expect(unwatched.why).toMatch(/nobody watches/)
    expect(gateWords({ standing: 'unknown', watched: true, lookedAt: null }).why).toMatch(/not? ?body has/)
    expect(gateWords({ standing: 'unknown', watched: true, lookedAt: 5 }).why).toMatch(/lately/)
  })

  it('that is shut without the store’s help says that it keeps nobody out', () => {
    expect(gateWords({ standing: 'shut', watched: true, lookedAt: 1 })).toEqual({
      tone: 'bad',
      text: 'shut',
      why: '',
    })
    expect(gateWords({ standing: 'advisory', watched: true, lookedAt: 1 }).why).toMatch(/keeps nobody out/)
    expect(gateWords({ standing: 'open', watched: true, lookedAt: 1 }).tone).toBe('good')
  })
})

describe('a restore', () => {
  it('has words for every phase, and shows one it does not know', () => {
    expect(phaseWords('waiting')).toEqual({ tone: 'bad', text: 'waits for a person' })
    expect(phaseWords('NEW_PHASE')).toEqual({ tone: 'warn', text: 'new phase' })
  })

  it('tells whom and what it left in the copy', () => {
    const nothing = { held: 0, unreadable: 0, failed: {}, residual: {}, inconclusive: {} }
    expect(leftovers(nothing)).toEqual([])
    expect(leftovers({ ...nothing, held: 2, residual: { users: 3 } })).toEqual([
      '2 people held',
      'residue in users: 3',
    ])
  })
})
