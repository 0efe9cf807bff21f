import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { jsonSchema } from './json-schema.js'
import type { MapKind } from './types.js'

const redis: MapKind = {
  kind: 'redis',
  stage: 'cache',
  system: z.strictObject({ keys: z.array(z.string()), prefix: z.string().default('') }),
  identifiers: () => [],
}

describe('jsonSchema', () => {
  it('offers a section per kind with its own keys and the shared ones, and refuses others', () => {
    const schema = jsonSchema({ redis }) as {
      required: string[]
      properties: { systems: { additionalProperties: { anyOf: Record<string, unknown>[] } } }
    }
    expect(schema.required).toEqual(['version', 'tenant', 'identifiers', 'systems'])
    const [section, exempt] = schema.properties.systems.additionalProperties.anyOf
    expect(section).toMatchObject({ title: 'redis', required: ['kind', 'keys'], additionalProperties: false })
    expect(Object.keys(section?.properties as object)).toEqual(
      expect.arrayContaining(['kind', 'keys', 'prefix', 'backups', 'derivedFrom', 'settle', 'notApplicable']),
    )
    expect(exempt).toMatchObject({ required: ['kind', 'notApplicable'], additionalProperties: false })
  })
})
