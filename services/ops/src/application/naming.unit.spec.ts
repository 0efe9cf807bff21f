import { describe, expect, it } from 'vitest'
import type { Entry } from './journal.js'
import { type Asking, Naming } from './naming.js'

const asking = (id: string, address = '10.0.0.1'): Asking => ({
  identity: {
    caller: { id, roles: ['privacy_officer'], tenants: ['shop'], systemId: null },
    token: 'secret',
    session: null,
  },
  address,
})

function stand(perMinute: number) {
  const audit: Entry[] = []
  const clock = { now: 0 }
  const naming = new Naming(perMinute, { note: (entry) => void audit.push(entry) }, () => clock.now)
  const ask = (who: Asking) => {
    try {
      naming.assertAllowed(who, 'where', 'shop')
      return 0
    } catch (error) {
      return (error as { extensions: { retryAfter: number } }).extensions.retryAfter
    }
  }
  return { audit, clock, ask }
}

describe('naming people', () => {
  it('is let through so often a minute and credential, and then says when again', () => {
    const { clock, ask } = stand(2)
    expect([ask(asking('a')), ask(asking('a')), ask(asking('a'))]).toEqual([0, 0, 60])
    expect(ask(asking('a', 'another address'))).toBe(60)
    expect(ask(asking('b'))).toBe(0)
    clock.now = 60_000
    expect(ask(asking('a'))).toBe(0)
  })

  it('is bounded for an address too, whoever asks there', () => {
    const { ask } = stand(1)
    expect(['a', 'b', 'c', 'd', 'e'].map((id) => ask(asking(id)))).toEqual([0, 0, 0, 0, 0])
    expect(ask(asking('f'))).toBe(60)
    expect(ask(asking('f', 'another address'))).toBe(0)
  })

  it('leaves the first refusal of a row in the audit, without whom it was about', () => {
    const { audit, clock, ask } = stand(1)
    for (let n = 0; n < 5; n++) ask(asking('a'))
    clock.now = 60_000
    for (let n = 0; n < 5; n++) ask(asking('a'))
    const refused = { action: 'where', target: 'shop', outcome: 'too_many_attempts' }
    expect(audit).toEqual(Array(2).fill({ credentialId: 'a', sessionId: null, ...refused }))
  })
})
