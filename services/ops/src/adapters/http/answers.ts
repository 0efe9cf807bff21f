import { z } from 'zod'

// What this service answers, for the OpenAPI document. Every object may have more fields than stand here.

const epochMs = z.number().int().meta({ description: 'Epoch milliseconds, UTC.' })
const text = z.string()
const whole = z.number().int().min(0)
const milliseconds = z.number().min(0)
/** Why a field is null, by the field's name. */
const unknown = z
  .record(text, text)
  .meta({ description: 'Why a field of this object is null, under its name. Unknown is never shown as 0.' })

const aged = { measuredAt: epochMs, ageMs: whole }
const member = { state: text.nullable(), members: whole.nullable() }

const group = z.looseObject({
  group: text,
  topics: z.array(text),
  ...member,
  health: z.enum(['up', 'rebalancing', 'silent', 'unknown']),
  lag: whole.nullable(),
  catchUpMs: milliseconds.nullable(),
  unknown,
})

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
  groups: z.array(group),
  partitions: z.array(partition),
  slots: z.array(slot).nullable(),
  connector,
})
