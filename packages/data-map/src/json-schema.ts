import { z } from 'zod'
import { commonSchema, envelopeSchema } from './grammar.js'
import type { MapKinds } from './types.js'

type JsonObject = Record<string, unknown>

/**
 * JSON Schema (2020-12) of a data map for editors: completion and first mistakes while typing. The
 * parser says more: references, cycles and templates are checked there only.
 */
export function jsonSchema(kinds: MapKinds): JsonObject {
  const envelope = toJson(envelopeSchema)
  const properties = envelope.properties as JsonObject
  const systems = properties.systems as JsonObject
  const sections = Object.keys(kinds)
    .sort()
    .flatMap((name) => (kinds[name] ? [section(name, toJson(kinds[name].system))] : []))
  return {
    ...envelope,
    title: 'Lethe data map',
    properties: {
      ...properties,
      systems: { ...systems, minProperties: 1, additionalProperties: { anyOf: [...sections, exempt()] } },
    },
  }
}

/** One system section: what all kinds share and what this one adds, and nothing else. */
function section(kind: string, own: JsonObject): JsonObject {
  const common = toJson(commonSchema)
  return {
    type: 'object',
    title: kind,
    properties: {
      ...(own.properties as JsonObject),
      ...(common.properties as JsonObject),
      kind: { const: kind },
    },
    required: ['kind', ...((own.required as string[] | undefined) ?? [])],
    additionalProperties: false,
    ...(own.$defs ? { $defs: own.$defs } : {}),
  }
}

/** A system that holds nothing of a person may be of a kind no connector knows. */
function exempt(): JsonObject {
  const { $schema: _, ...common } = toJson(commonSchema)
  return { ...common, title: 'not applicable', required: ['kind', 'notApplicable'] }
}

function toJson(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-2020-12',
  }) as JsonObject
}
