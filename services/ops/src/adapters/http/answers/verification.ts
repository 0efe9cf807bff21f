import { z } from 'zod'
import { findings } from '../../pg-matrix.js'
import { epochMs, text, whole } from './shapes.js'

export const matrix = z.looseObject({
  systems: z.array(text),
  items: z.array(
    z.looseObject({
      requestId: text,
      tenantId: text,
      finding: z.enum(findings),
      cells: z.array(
        z.looseObject({
          systemId: text,
          status: text,
          result: text.nullable(),
          checkedAt: epochMs.nullable(),
          verified: z.boolean(),
          attested: z.boolean(),
          residual: whole.nullable(),
        }),
      ),
    }),
  ),
  nextCursor: text.nullable(),
})
