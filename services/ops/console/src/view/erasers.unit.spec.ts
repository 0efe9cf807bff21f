import { expect, it } from 'vitest'
import { canaryWords, pacingWords, verdictWords } from './erasers.js'

it('shows silent, missing, unusable and failing deployments as bad, and an unknown one never as good', () => {
  for (const verdict of ['silent', 'missing', 'unusable', 'failing'])
    expect(verdictWords(verdict).tone).toBe('bad')
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

it('shows a canary that was not erased as bad, with why, and only one that was probed as good', () => {
  expect(canaryWords({ result: 'passed', why: null })).toEqual({ tone: 'good', text: 'erased', why: '' })
  expect(canaryWords({ result: 'failed', why: 'not_found' })).toMatchObject({
    tone: 'bad',
    why: 'it found nobody, and somebody was there',
  })
  expect(canaryWords({ result: 'failed', why: 'missing_rights' })).toMatchObject({ why: 'missing rights' })
  expect(canaryWords({ result: 'unconfirmed', why: 'inconclusive' }).tone).toBe('warn')
  expect(canaryWords({ result: 'of another version' as 'passed', why: null }).tone).toBe('warn')
})
