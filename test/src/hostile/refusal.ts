import { expect } from 'vitest'
import type { Answer } from '../harness/caller.js'

/** As an address can hold it: a lone surrogate has no bytes. */
export const wellFormed = (text: string) => Buffer.from(text, 'utf8').toString('utf8')

/** Refused, in words that say what is wrong and do not repeat what was sent. */
export function expectRefusal(answer: Answer, sent: string, codes: readonly string[]): void {
  expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
  expect(answer.status, answer.text).toBeLessThan(500)
  expect(codes).toContain(answer.body?.code)
  expect(String(answer.headers['content-type'])).toContain('application/problem+json')
  expect(String(answer.body?.detail ?? answer.body?.title).length).toBeGreaterThan(10)
  expectNoEcho(answer, sent)
}

/** Whatever the answer is, what was sent does not stand in it. */
export function expectNoEcho(answer: Answer, sent: string): void {
  for (const form of [sent, JSON.stringify(sent).slice(1, -1), encodeURIComponent(wellFormed(sent))])
    if (form.trim().length > 3) expect(answer.text).not.toContain(form)
}
