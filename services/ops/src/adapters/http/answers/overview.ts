import { z } from 'zod'
import { aged, epochMs, milliseconds, text, whole } from './shapes.js'

const figure = z.looseObject({ value: whole.nullable(), unknown: text.nullable(), href: text })

export const overview = z.looseObject({
  ...aged,
  requests: z.looseObject({
    byStatus: z.record(text, figure),
    open: figure,
    dueThisWeek: figure,
    overdue: figure,
    liveErased: figure,
    backupClear: figure,
  }),
  verification: z.looseObject({ residual: figure, inconclusive: figure }),
  tasks: figure,
  atRisk: figure,
  erasers: z.looseObject({ up: figure, silent: figure, unknown: figure }),
  gates: z.looseObject({ open: figure, shut: figure }),
  deadLetters: figure,
  oldestUnacknowledged: z.looseObject({
    pass: z
      .looseObject({
        requestId: text,
        tenantId: text,
        stepId: text,
        systemId: text,
        passId: text,
        attempt: whole,
        requestedAt: epochMs,
        links: z.looseObject({ request: text }),
      })
      .nullable(),
    ageMs: milliseconds.nullable(),
  }),
})
