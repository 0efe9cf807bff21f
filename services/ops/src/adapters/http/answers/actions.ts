import { z } from 'zod'
import { counts, epochMs, text, whole } from './shapes.js'

/** After an action; the last four only after a hold. */
export const acted = z.looseObject({
  requestId: text,
  status: text,
  version: whole,
  holdId: text.optional(),
  effectiveAt: epochMs.optional(),
  alreadyGone: z.array(z.looseObject({ systemId: text, passId: text, outcome: text, counts })).optional(),
  outstandingGrants: z.array(z.looseObject({ systemId: text, passId: text, expiresAt: epochMs })).optional(),
  task: z
    .looseObject({
      systemId: text,
      passId: text,
      instructions: text.nullable(),
      identifiers: z.array(z.looseObject({ type: text, value: text })),
      receivedAt: epochMs,
      until: epochMs,
    })
    .optional()
    .meta({ description: 'Only to who took a task: whom it is about, and until when they may be at it.' }),
})

/** What somebody gave as evidence of a task; free text of theirs. */
export const evidence = z.looseObject({ systemId: text, reference: text, note: text.nullable() })
