import { describe, expect, it } from 'vitest'
import { redisSystem } from './grammar.js'
import { Sightings, UNMAPPED } from './sightings.js'

const family = 'tenant:{tenant}:user:{user_id}:*'
const single = 'tenant:{tenant}:cache:user:{user_id}'
const system = redisSystem.parse({ keys: [family, single, 'last:*:{user_id}'] })
const person = (tenantId: string, value: string) => ({
  subjectRef: 's',
  tenantId,
  identifiers: [{ type: 'user_id' as const, value }],
  receivedAt: 0,
})
function seen(keys: string[], value = 'u1', tenant: 'column' | 'none' = 'column') {
  const sightings = new Sightings(system, tenant === 'column' ? { column: 'tenant_id' } : { none: true })
  sightings.expect(0, person('acme', value))
  sightings.expect(1, person('globex', 'u2'))
  for (const key of keys) sightings.see(key)
  const counts = Object.entries(sightings.residual(0)).filter(([, count]) => count > 0)
  return Object.fromEntries(counts)
}

describe('Sightings', () => {
  it('counts every key of the person once per family and none of a look-alike', () => {
    const mine = [
      'tenant:acme:user:u1:a',
      'tenant:acme:user:u1:a:b',
      'tenant:acme:user:u1:a',
      'tenant:acme:cache:user:u1',
    ]
    const others = [
      'tenant:acme:user:u10:a',
      'tenant:globex:user:u1:a',
      'tenant:acme:cache:user:u10',
      'tenant:acme:user:u1',
    ]
    expect(seen([...mine, ...others])).toMatchObject({ [family]: 2, [single]: 1 })
    expect(seen(['last:x:u1', 'last:x:u11'])).toEqual({ 'last:*:{user_id}': 1 })
    expect(seen(others.slice(0, 3))).toEqual({})
  })

  it('reports keys that no template covers when a part of them is the person', () => {
    expect(seen(['tenant:acme:wishlist:u1'])).toEqual({ [UNMAPPED]: 1 })
    expect(seen(['tenant:globex:wishlist:u1', 'wishlist:u10', 'tenant:acme:wishlist:u10', 'u1'])).toEqual({})
  })

  it('takes a plain number for a person only after a word that says so', () => {
    expect(seen(['tenant:acme:page:7', 'tenant:acme:report:user:7'], '7')).toEqual({ [UNMAPPED]: 1 })
    expect(seen(['page:u1'], 'u1', 'none')).toEqual({})
    expect(seen(['report:user:u1'], 'u1', 'none')).toEqual({ [UNMAPPED]: 1 })
  })

  it('is not led astray by identifiers that look like templates', () => {
    expect(seen(['tenant:acme:user:u1:x', 'tenant:acme:user:*:x'], '*')).toEqual({ [family]: 1 })
    expect(seen(['tenant:acme:user:{tenant}:x'], '{tenant}')).toEqual({ [family]: 1 })
  })
})
