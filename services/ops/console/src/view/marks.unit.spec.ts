import { describe, expect, it } from 'vitest'
import { marksOf, sumsOf } from './marks.js'

const none = {
  requestedAt: null,
  erasedAt: null,
  probedAt: null,
  probeResult: null,
  backupClearFrom: null,
  backupClear: false,
}
const texts = (step: Parameters<typeof marksOf>[0]) => marksOf(step).map(({ text }) => text)

describe('the four marks of a step', () => {
  it('say what is not there yet', () => {
    expect(texts({ marks: none, status: 'PENDING', outcome: null })).toEqual(Array(4).fill('not yet'))
  })

  it('say with which step the probe looks, where it is a later one of the same system', () => {
    expect(marksOf({ marks: none, status: 'COMPLETED', outcome: 'erased' }, 'cache#2')[2]?.text).toBe(
      'with cache#2',
    )
  })

  it('say requested, erased, probed clean and held until a date', () => {
    const marks = {
      ...none,
      requestedAt: 1,
      erasedAt: 2,
      probedAt: 3,
      probeResult: 'clean',
      backupClearFrom: 4,
    }
    const step = { marks, status: 'COMPLETED', outcome: 'erased' }
    expect(texts(step)).toEqual(['requested', 'erased', 'clean', 'held until'])
    expect(marksOf(step).map(({ at }) => at)).toEqual([1, 2, 3, 4])
    expect(texts({ ...step, marks: { ...marks, backupClear: true } })[3]).toBe('clear')
  })

  it('never make what a person said look like what was seen', () => {
    const task = {
      role: 'operator',
      state: 'attested' as const,
      openedAt: 1,
      dueAt: 9,
      taken: null,
      attestation: null,
      actions: [],
    }
    const marks = { ...none, requestedAt: 1, erasedAt: 2, backupClearFrom: 4 }
    const shown = marksOf({ marks, status: 'ATTESTED', outcome: 'erased', task })
    expect(shown.map(({ text }) => text)).toEqual([
      'requested',
      'attested: erased',
      'nobody can look',
      'held until',
    ])
    expect(shown.slice(1, 3).map(({ tone }) => tone)).toEqual(['warn', 'warn'])
  })

  it('never call erased what ended otherwise, nor clean what was not found so', () => {
    const marks = { ...none, requestedAt: 1, erasedAt: 2, probedAt: 3, probeResult: 'residual' }
    for (const outcome of ['failed', 'unsupported', 'retained', 'deferred', null]) {
      const [, erased, probed] = marksOf({ marks, status: 'FAILED', outcome })
      expect(erased?.text).not.toBe('erased')
      expect(erased?.tone).not.toBe('good')
      expect(probed).toMatchObject({ text: 'residual', tone: 'bad' })
    }
  })

  it('add up the counts of all collections', () => {
    const one = { found: 2, erased: 1, redacted: 0, retained: 1, failed: 0 }
    expect(sumsOf({ a: one, b: one })).toEqual({ found: 4, erased: 2, redacted: 0, retained: 2, failed: 0 })
    expect(sumsOf({})).toEqual({ found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 })
  })
})
