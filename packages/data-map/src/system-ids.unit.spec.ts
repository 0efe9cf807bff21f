import { describe, expect, it } from 'vitest'
import { systemIdsOf } from './system-ids.js'

const map = `
version: 3
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg: { kind: a-kind-nobody-knows }
  cache: { kind: redis }
`

describe('the systems of a data map', () => {
  it('are named without any connector, in order', () => {
    expect(systemIdsOf(map)).toEqual(['cache', 'shop-pg'])
  })

  it('leave out what a person erases by hand and what holds nothing: nobody misses an eraser there', () => {
    const more = `${map}  archive: { kind: manual }\n  crm: { kind: x, notApplicable: not used }\n`
    expect(systemIdsOf(more)).toEqual(['cache', 'shop-pg'])
  })

  it('are not known, rather than none, where the text is no data map', () => {
    expect(systemIdsOf('systems: [')).toBeNull()
    expect(systemIdsOf('version: 1')).toBeNull()
  })
})
