import { kinds } from '@lethe/connectors/kinds'
import { describe, expect, it } from 'vitest'
import { outlineOf } from './outline.js'

const map = (more = '') => `
version: 4
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg:
    kind: postgres
    resolves: { user_id: users.id, email: users.email }
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: orders, by: user_id, method: redact, set: { user_id: null }, category: direct, basis: contract }
      - { table: users, by: id, method: delete, category: direct, basis: contract }
  cache:
    kind: redis
    keys: ['tenant:{tenant}:user:{user_id}:*']
    idsHoldDelimiters: false
    derivedFrom: [shop-pg]
    ceiling: 10
  crm: { kind: postgres, notApplicable: holds companies only }
${more}`

describe('the outline of a data map', () => {
  it('names every system with its elements and methods, and why one does not apply', () => {
    const outline = outlineOf(map(), kinds)
    expect(outline).toMatchObject({ identifiers: ['user_id', 'email'], tenant: 'by tenant_id' })
    const of = (id: string) => outline?.systems.find(({ systemId }) => systemId === id)
    expect(of('shop-pg')).toMatchObject({
      kind: 'postgres',
      resolves: ['user_id', 'email'],
      backups: [{ name: 'nightly', keepMs: 30 * 86_400_000 }],
      elements: [
        { name: 'orders', method: 'redact', category: 'direct', basis: 'contract' },
        { name: 'users', method: 'delete' },
      ],
    })
    expect(of('cache')).toMatchObject({
      ceiling: 10,
      derivedFrom: ['shop-pg'],
      elements: [{ name: 'tenant:{tenant}:user:{user_id}:*', method: 'delete', category: null }],
    })
    expect(of('crm')).toMatchObject({ notApplicable: 'holds companies only', elements: [] })
  })

  it('has the steps of an erasure in their stages, what is derived once more at the end', () => {
    const steps = outlineOf(map(), kinds)?.steps
    expect(steps?.map(({ stepId }) => stepId)).toEqual(['cache#1', 'shop-pg#1', 'cache#2'])
    const stages = steps?.map(({ stage }) => stage) ?? []
    expect(stages).toEqual(stages.toSorted((a, b) => a - b))
  })

  it('is not known of a text that is no map, or of kinds nobody knows here', () => {
    expect(outlineOf('systems: [', kinds)).toBeNull()
    expect(outlineOf(map('  far: { kind: never-heard-of }'), kinds)).toBeNull()
  })
})
