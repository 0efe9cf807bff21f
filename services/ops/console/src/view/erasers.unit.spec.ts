import { expect, it } from 'vitest'
import { pacingWords, verdictWords } from './erasers.js'

it('shows silent, missing and unusable deployments as bad, and an unknown one never as good', () => {
  for (const verdict of ['silent', 'missing', 'unusable']) expect(verdictWords(verdict).tone).toBe('bad')
  expect(verdictWords('unknown').tone).toBe('warn')
  expect(verdictWords('of another version').tone).toBe('warn')
  expect(verdictWords('up').tone).toBe('good')
})

it('says what holds an eraser back', () => {
  expect(pacingWords(null)).toBe('nothing is held back')
  expect(pacingWords({ size: 5, max: 100, perSecond: null, waitsMs: 0 })).toBe('5 of at most 100 at once')
  expect(pacingWords({ size: 5, max: 5, perSecond: 20, waitsMs: 61_000 })).toBe(
    '5 of at most 5 at once, 20 a second at most, waits 1 min 1 s',
  )
})
