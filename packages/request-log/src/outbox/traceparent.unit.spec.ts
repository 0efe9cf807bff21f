import { describe, expect, it } from 'vitest'
import { traceparentOf } from './traceparent.js'

describe('the trace of a message', () => {
  it('is the same for everything that happens to one request, with a span of its own', () => {
    const id = '01a1fddd-5610-7561-a7e7-2146ddabb07a'
    const [a, b] = [traceparentOf(id), traceparentOf(id)]
    expect(a).toMatch(/^00-01a1fddd56107561a7e72146ddabb07a-[0-9a-f]{16}-01$/)
    expect(a).not.toBe(b)
  })

  it.each([[null], ['r1'], ['']])('is drawn when there is no request id to take: %s', (id) => {
    expect(traceparentOf(id)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })
})
