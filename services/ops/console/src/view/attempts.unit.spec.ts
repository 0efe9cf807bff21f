import { describe, expect, it } from 'vitest'
import { attemptsOf } from './attempts.js'

const event = (version: number, type: string, data: object) => ({ version, type, at: version * 10, data })
const pass = { passId: 'cache#1/initial', systemId: 'cache', stepId: 'cache#1' }

describe('the attempts of a request', () => {
  it('have the answer that names them; one without an answer shows none', () => {
    const items = [
      event(1, 'RequestReceived', {}),
      event(2, 'PassRequested', { ...pass, attempt: 1 }),
      event(3, 'PassRequested', { ...pass, attempt: 2 }),
      event(4, 'PassAcknowledged', { ...pass, attempt: 2, outcome: 'failed', errorCode: 'timeout' }),
      event(5, 'PassRequested', { ...pass, passId: 'cache#1/retry-1', attempt: 1 }),
      event(6, 'PassAcknowledged', { ...pass, passId: 'cache#1/retry-1', attempt: 1, outcome: 'erased' }),
    ]
    expect(attemptsOf(items).map((one) => [one.passId, one.attempt, one.outcome, one.errorCode])).toEqual([
      ['cache#1/initial', 1, null, null],
      ['cache#1/initial', 2, 'failed', 'timeout'],
      ['cache#1/retry-1', 1, 'erased', null],
    ])
    expect(attemptsOf(items)[1]).toMatchObject({ askedAt: 30, answeredAt: 40 })
  })

  it('take no answer to what was never asked', () => {
    expect(attemptsOf([event(1, 'PassAcknowledged', { ...pass, attempt: 1, outcome: 'erased' })])).toEqual([])
  })
})
