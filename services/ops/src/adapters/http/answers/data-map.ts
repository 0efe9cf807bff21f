import { z } from 'zod'
import { milliseconds, text, whole } from './shapes.js'

const outlined = z.looseObject({
  systemId: text,
  kind: text,
  notApplicable: text.nullable(),
  ceiling: whole.nullable(),
  settleMs: milliseconds,
  after: z.array(text),
  derivedFrom: z.array(text),
  resolves: z.array(text),
  backups: z.array(z.looseObject({ name: text, keepMs: milliseconds })),
  elements: z.array(
    z.looseObject({ name: text, method: text, category: text.nullable(), basis: text.nullable() }),
  ),
  task: z
    .looseObject({ instructions: text, role: text, withinMs: milliseconds })
    .nullable()
    .meta({ description: 'What a person does there by hand; null where an eraser works.' }),
})

export const dataMap = z.looseObject({
  version: whole,
  digest: text,
  outline: z
    .looseObject({
      identifiers: z.array(text),
      tenant: text,
      systems: z.array(outlined),
      steps: z
        .array(z.looseObject({ stepId: text, systemId: text, stage: whole, after: z.array(text) }))
        .nullable(),
    })
    .nullable(),
  unknown: z.enum(['map_unreadable']).nullable(),
  versions: z.array(z.looseObject({ version: whole, digest: text })),
})

const mapFinding = z.looseObject({
  level: z.enum(['error', 'warning']),
  code: text,
  where: text,
  message: text,
  path: text,
  line: whole,
})

export const checkedMap = z.looseObject({
  version: whole,
  ok: z.boolean(),
  findings: z.array(mapFinding),
  systems: z.record(text, z.looseObject({ kind: text, status: text, findings: z.array(mapFinding) })),
})
