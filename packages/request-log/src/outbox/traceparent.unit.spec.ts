import { describe, expect, it } from 'vitest'
import { traceparentOf } from './traceparent.js'

describe('the trace of a message', () => {
  it('is the same for everything that happens to one request, below its first span', () => {
    const id = '01a1fddd-5610-7561-a7e7-2146ddabb07a'
    expect(traceparentOf(id)).toBe('00-01a1fddd56107561a7e72146ddabb07a-a7e72146ddabb07a-01')
  })

  it.each([[null], ['r1'], ['']])('is drawn when there is no request id to take: %s', (id) => {
    expect(traceparentOf(id)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })
})
