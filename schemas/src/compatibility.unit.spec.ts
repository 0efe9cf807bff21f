import { describe, expect, it } from 'vitest'
import { incompatibilities } from './compatibility.js'
import { messagesSchemas } from './index.js'

const base = { type: 'record', name: 'R', fields: [{ name: 'requestId', type: 'string' }] }
const versions = (next: unknown) => [
  { subject: 's', version: 1, schema: base },
  { subject: 's', version: 2, schema: next },
]
const withFields = (...fields: unknown[]) => ({ ...base, fields })

describe('schema compatibility', () => {
  it('accepts a field added with a default', () => {
    const next = withFields(...base.fields, { name: 'note', type: ['null', 'string'], default: null })
    expect(incompatibilities(versions(next))).toEqual([])
  })

  it('refuses a field added without a default and names it', () => {
    const found = incompatibilities(versions(withFields(...base.fields, { name: 'note', type: 'string' })))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ reader: 2, writer: 1 })
    expect(found[0]?.message).toContain('`note`')
  })

  it('refuses a field removed that had no default and names it', () => {
    const found = incompatibilities(versions(withFields()))
    expect(found.map((f) => f.message).join()).toContain('`requestId`')
  })

  it('refuses a changed type and names the field', () => {
    const found = incompatibilities(versions(withFields({ name: 'requestId', type: 'long' })))
    expect(found.length).toBeGreaterThan(0)
    expect(found[0]?.message).toContain('`requestId`')
  })

  it('names a nested enum that lost a symbol', () => {
    const current = messagesSchemas.ErasureAcknowledged.schema
    const changed = JSON.parse(JSON.stringify(current).replace('"not_found",', ''))
    const found = incompatibilities([
      { subject: 's', version: 1, schema: current },
      { subject: 's', version: 2, schema: changed },
    ])
    expect(found[0]?.message).toContain('`outcome`')
  })
})
