import { z } from 'zod'
import { aged, epochMs, milliseconds, text, whole } from './shapes.js'

const figure = z.looseObject({
  value: whole.nullable(),
  atLeast: z.boolean().meta({ description: 'There are at least so many: not all were looked at.' }),
  unknown: text.nullable(),
  href: text,
})

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
  tasksOverdue: figure,
  atRisk: figure,
  erasers: z.looseObject({ up: figure, silent: figure, unusable: figure, unknown: figure }),
  gates: z.looseObject({ open: figure, shut: figure, unknown: figure }),
  deadLetters: figure,
  quarantined: figure.meta({ description: 'Among the dead letters: failed again after three redrives.' }),
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
    unknown: text.nullable(),
  }),
})
