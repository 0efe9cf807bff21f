import { z } from 'zod'
import { bulkVerbs } from '../../../domain/permissions.js'
import { epochMs, text, whole } from './shapes.js'

const bulkFields = {
  jobId: text,
  verb: z.enum(bulkVerbs),
  list: text.meta({ description: 'The address of the list it was made from.' }),
  credentialId: text,
  state: z.enum(['shown', 'running', 'interrupted', 'done']),
  reason: text.nullable().meta({ description: 'Why it stands still.' }),
  total: whole,
  leftOut: whole,
  createdAt: epochMs,
  startedAt: epochMs.nullable(),
  endedAt: epochMs.nullable(),
  shown: z.array(z.looseObject({ status: text, hindrance: text.nullable(), n: whole })),
  outcomes: z.record(text, whole).meta({
    description:
      '`done`, the code of a refusal, or `not_known`: asked, and nobody knows whether it was done.',
  }),
  left: whole.meta({ description: 'Not asked yet.' }),
}
export const bulkJob = z.looseObject(bulkFields)
export const bulkJobs = z.looseObject({ items: z.array(bulkJob) })
export const bulkItems = z.looseObject({
  items: z.array(
    z.looseObject({
      position: whole,
      requestId: text,
      status: text,
      hindrance: text.nullable(),
      askedAt: epochMs.nullable(),
      outcome: text.nullable(),
    }),
  ),
  nextAfter: whole.nullable(),
})
