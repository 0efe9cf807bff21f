import { z } from 'zod'
import { bulkVerbs, taskVerbs } from '../../../domain/permissions.js'
import { counts, epochMs, text, whole } from './shapes.js'

const requestLinks = z.looseObject({ self: text, timeline: text })
const head = {
  requestId: text,
  tenantId: text,
  subjectRef: text,
  version: whole,
  status: text,
  regime: text,
  channel: text,
  ground: text,
  receivedAt: epochMs,
  dueAt: epochMs,
  runAt: epochMs.nullable(),
  mapVersion: whole.nullable(),
  systemsTotal: whole,
  systemsDone: whole,
  firstGrantAt: epochMs.nullable(),
  liveErasedAt: epochMs.nullable(),
  completedAt: epochMs.nullable(),
  backupClearAt: epochMs.nullable(),
  backupClear: z.boolean(),
  attention: z.looseObject({ owner: text, nextStep: text, code: text, systemId: text.nullable() }).nullable(),
  links: requestLinks,
}

export const requestPage = z.looseObject({
  items: z.array(z.looseObject(head)),
  nextCursor: text.nullable(),
})

const task = z.looseObject({
  role: text,
  state: z.enum(['waiting', 'open', 'stopped', 'attested']),
  openedAt: epochMs.nullable(),
  dueAt: epochMs.nullable(),
  taken: z.looseObject({ by: text, at: epochMs, until: epochMs }).nullable(),
  attestation: z
    .looseObject({
      outcome: text,
      records: whole,
      doneAt: epochMs,
      by: text,
      underHold: z.boolean(),
      at: epochMs,
    })
    .nullable(),
  actions: z.array(z.enum(taskVerbs)).meta({
    description: 'What the caller may do with it now, by role; `request` decides.',
  }),
})

export const requestDetail = z.looseObject({
  ...head,
  advice: text.nullable(),
  reviewCode: text.nullable(),
  awaitingApproval: text.nullable(),
  requestedBy: text,
  holds: z.array(z.looseObject({ holdId: text, by: text, at: epochMs, effectiveAt: epochMs })),
  actions: z.array(z.enum(bulkVerbs)).meta({
    description: 'What the caller may ask for now, by role and by what is shown here; `request` decides.',
  }),
  steps: z.array(
    z.looseObject({
      stepId: text,
      systemId: text,
      stage: whole,
      after: z.array(text),
      status: text,
      passId: text.nullable(),
      attempt: whole,
      passes: whole,
      outcome: text.nullable(),
      errorCode: text.nullable(),
      counts,
      marks: z.looseObject({
        requestedAt: epochMs.nullable(),
        erasedAt: epochMs.nullable(),
        probedAt: epochMs.nullable(),
        probeResult: text.nullable(),
        backupClearFrom: epochMs.nullable(),
        backupClear: z.boolean(),
      }),
      task: task.optional().meta({ description: 'Only where a person erases by hand.' }),
    }),
  ),
  systems: z.array(
    z.looseObject({
      systemId: text,
      status: text,
      result: text.nullable(),
      checkedAt: epochMs.nullable(),
      detail: z.looseObject({
        verified: z.boolean(),
        attested: z.boolean().optional().meta({
          description: 'Only where a person erases by hand: somebody says that it is done. Never verified.',
        }),
        retained: z.array(
          z.looseObject({ category: text, ground: text, citation: text, until: epochMs.nullable() }),
        ),
      }),
      tombstone: z
        .looseObject({
          tombstoneId: text,
          effectiveAt: epochMs,
          expiresAt: epochMs,
          heldUntil: epochMs.nullable(),
        })
        .nullable(),
    }),
  ),
})

export const timeline = z.looseObject({
  items: z.array(z.looseObject({ version: whole, type: text, at: epochMs, data: z.looseObject({}) })),
  nextAfterVersion: whole.nullable(),
})

export const changePage = z.looseObject({
  items: z.array(
    z.looseObject({ position: text, requestId: text, tenantId: text, version: whole, type: text }),
  ),
  next: text,
  end: z.boolean(),
})
