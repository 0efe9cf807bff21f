import { describe, expect, it } from 'vitest'
import type { Identifier, Subject } from '../domain/identifier.js'
import { IdentityResolution, type ProbeClient } from './identity.js'

const id = (type: string, value: string): Identifier => ({ type: type as 'email', value })
const subject = (...identifiers: Identifier[]): Subject => ({
  subjectRef: 's',
  tenantId: 't',
  identifiers,
  receivedAt: 1,
})

/** Each system knows pairs: whoever has the first identifier has the second. */
function probesOf(systems: Record<string, readonly (readonly [Identifier, Identifier])[]>, down?: string) {
  const asked: string[] = []
  const probes: ProbeClient = {
    resolve: async (systemId, subjects) => {
      asked.push(systemId)
      if (systemId === down) throw new Error('down')
      return subjects.map(({ identifiers }) =>
        (systems[systemId] ?? [])
          .filter((pair) =>
            pair.some((known) => identifiers.some((i) => i.type === known.type && i.value === known.value)),
          )
          .map((pair) => [...pair]),
      )
    },
    preview: async () => [],
  }
  return { asked, resolution: new IdentityResolution(probes) }
}

const email = id('email', 'a@x.de')
const user = id('user_id', 'u1')
const vendor = id('vendor:crm', 'c1')

describe('resolution', () => {
  it('follows identifiers from system to system until nothing new is found', async () => {
    const { resolution } = probesOf({ crm: [[email, vendor]], shop: [[vendor, user]] })
    const [found] = await resolution.resolve([subject(email)], ['crm', 'shop'], 'user_id')
    expect(found).toMatchObject({ kind: 'one', rounds: 3 })
    expect(found).toHaveProperty('identifiers', [email, vendor, user])
  })

  it('answers each subject of a batch apart, in one call per system and round', async () => {
    const { asked, resolution } = probesOf({ shop: [[email, user]] })
    const found = await resolution.resolve(
      [subject(email), subject(id('email', 'b@x.de'))],
      ['shop'],
      'user_id',
    )
    expect(found.map(({ kind }) => kind)).toEqual(['one', 'nobody'])
    expect(asked).toEqual(['shop', 'shop'])
  })

  it('stops after five rounds and calls what is still growing ambiguous', async () => {
    const link = (n: number) => id('vendor:chain', `c${n}`)
    const chain = Array.from({ length: 50 }, (_, n) => [link(n), link(n + 1)] as const)
    const { asked, resolution } = probesOf({
      chain: chain.filter((_, n) => n % 2 === 0),
      other: chain.filter((_, n) => n % 2 === 1),
    })
    const [found] = await resolution.resolve([subject(link(0))], ['chain', 'other'], 'user_id')
    expect(found).toMatchObject({ kind: 'many', rounds: expect.any(Number) })
    expect(asked.length).toBeLessThanOrEqual(10)
  })

  it('is unreachable when any resolving system is: half a person is no answer', async () => {
    const { resolution } = probesOf({ crm: [[email, vendor]], shop: [[vendor, user]] }, 'shop')
    expect(await resolution.resolve([subject(email)], ['crm', 'shop'], 'user_id')).toEqual([
      { kind: 'unreachable' },
    ])
  })

  it('takes what was given where no system resolves', async () => {
    const { resolution } = probesOf({})
    expect(await resolution.resolve([subject(user)], [], 'user_id')).toEqual([
      { kind: 'one', identifiers: [user], rounds: 0 },
    ])
  })
})
