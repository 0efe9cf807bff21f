import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admits, gateRules, hasGate, rulesFor, withGate, withoutGate, withoutGates } from './hba.js'

const HBA = `# comment with "quotes", commas and all
local   all             postgres                                peer
host    shop,crm        "lethe_replay", app   10.0.0.0   255.0.0.0   scram-sha-256  # inside
hostssl all             all             ::/0            cert clientcert=verify-full map=x
host    replication     all             127.0.0.1/32    trust
host    all             +staff          0.0.0.0/0       trust
host    all             @names          0.0.0.0/0       trust
host    sameuser        all             samenet \\
        md5
host    all             all             all             reject`

describe('the rules of a pg_hba file that let a role in', () => {
  it('are those with its name or all, from the same places and by the same methods; groups and patterns are left out', () => {
    expect(rulesFor(HBA, 'lethe_replay', null)).toEqual([
      'host shop,crm "lethe_replay" 10.0.0.0   255.0.0.0   scram-sha-256  # inside',
      'hostssl all "lethe_replay" ::/0            cert clientcert=verify-full map=x',
      expect.stringMatching(/^host sameuser "lethe_replay" samenet {3,}md5$/),
      'host all "lethe_replay" all             reject',
    ])
  })

  it('are written for the one database only, where one is asked for', () => {
    expect(
      rulesFor(HBA, 'lethe_replay', 'shop').map((rule) => rule.split(' ').slice(0, 3).join(' ')),
    ).toEqual(['host "shop" "lethe_replay"', 'hostssl "shop" "lethe_replay"', 'host "shop" "lethe_replay"'])
    expect(rulesFor('host other x 1.2.3.4/32 trust', 'x', 'shop')).toEqual([])
  })

  it('take a quoted all for a name, and a rejecting rule for none that lets in', () => {
    expect(rulesFor('host all "all" all trust', 'x', null)).toEqual([])
    expect(admits(rulesFor('host all all 0.0.0.0 0.0.0.0 reject', 'x', null))).toBe(false)
    expect(admits(rulesFor('local all all reject', 'x', null))).toBe(false)
    expect(admits(rulesFor('local all all peer', 'x', null))).toBe(true)
  })
})

describe('a gate', () => {
  it('admits first and refuses whom the switch names after that, also to replication when it is the whole server', () => {
    const gate = gateRules('shop-pg', ['local all "r" peer'], null).split('\n')
    expect(gate.slice(1, -2)).toEqual([
      'local all "r" peer',
      'local all @lethe-shop-pg.gate reject',
      'host all @lethe-shop-pg.gate all reject',
      'local replication @lethe-shop-pg.gate reject',
      'host replication @lethe-shop-pg.gate all reject',
    ])
    expect(gateRules('shop-pg', [], 'shop')).toContain('\nhost "shop" @lethe-shop-pg.gate all reject\n')
  })

  it('is put in and taken out byte for byte, put in twice stands once, and leaves those of other systems alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (hba) => {
        const [one, two] = [gateRules('one', ['x'], null), gateRules('two', [], 'shop')]
        const once = withGate(hba, 'one', one)
        expect(hasGate(once, 'one')).toBe(true)
        expect(withGate(once, 'one', one)).toBe(once)
        expect(withoutGate(once, 'one')).toBe(hba)
        const both = withGate(once, 'two', two)
        expect(withoutGate(both, 'two')).toBe(once)
        expect(hasGate(withoutGate(both, 'one'), 'two')).toBe(true)
        expect(withoutGates(both)).toBe(hba)
      }),
    )
  })
})
