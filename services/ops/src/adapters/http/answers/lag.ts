import { z } from 'zod'
import { aged, epochMs, group, member, milliseconds, text, unknown, whole } from './shapes.js'

const partition = z.looseObject({
  group: text,
  topic: text,
  partition: whole.nullable(),
  ...member,
  assignedTo: text.nullable(),
  positionIn: z.enum(['kafka', 'postgresql']),
  end: whole.nullable(),
  committed: whole.nullable(),
  mirrored: whole.nullable(),
  lag: whole.nullable(),
  changePerMinute: z.number().nullable(),
  lagMs: milliseconds.nullable(),
  lagMsAtLeast: milliseconds.nullable(),
  catchUpMs: milliseconds.nullable(),
  drainMs: milliseconds.nullable(),
  lastCommitAt: epochMs.nullable(),
  unknown,
})

const slot = z.looseObject({
  slot: text,
  active: z.boolean(),
  walStatus: text.nullable(),
  lagBytes: whole.nullable(),
  retainedBytes: whole.nullable(),
})

const connector = z.looseObject({
  name: text,
  state: text.nullable(),
  tasks: z.array(z.looseObject({ id: whole, state: text })).nullable(),
  unknown: z.enum(['connect_unreachable', 'connect_not_configured', 'connector_missing']).nullable(),
})

export const lag = z.looseObject({
  ...aged,
  groups: z.array(group.extend({ deadLetters: whole.nullable() })),
  partitions: z.array(partition.extend({ deadLetters: whole.nullable() })),
  slots: z.array(slot).nullable(),
  connector,
})

const delay = z.looseObject({
  place: text,
  ms: milliseconds.nullable(),
  why: z.enum(['standing_still', 'unknown']).nullable(),
})

export const atRisk = z.looseObject({
  ...aged,
  delays: z.array(delay),
  items: z.array(
    z.looseObject({
      requestId: text,
      tenantId: text,
      status: text,
      dueAt: epochMs,
      places: z.array(text),
      verdict: z.enum(['overdue', 'late', 'standing_still', 'unknown']),
      because: z.array(text),
      expectedAt: z.number().nullable(),
      leftMs: z.number().int(),
    }),
  ),
  examined: whole,
  truncated: z.boolean(),
})
