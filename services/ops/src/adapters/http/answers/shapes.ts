import { z } from 'zod'

// What answers of more than one subject are made of.

export const epochMs = z.number().int().meta({ description: 'Epoch milliseconds, UTC.' })
export const text = z.string()
export const whole = z.number().int().min(0)
export const milliseconds = z.number().min(0)
/** Why a field is null, by the field's name. */
export const unknown = z
  .record(text, text)
  .meta({ description: 'Why a field of this object is null, under its name. Unknown is never shown as 0.' })

export const aged = { measuredAt: epochMs, ageMs: whole }
export const tallies = z.record(text, whole)

export const member = { state: text.nullable(), members: whole.nullable() }

/** A consumer group, as the lag and the erasers show it. */
export const group = z.looseObject({
  group: text,
  service: text.meta({ description: 'Which process of Lethe reads under this name.' }),
  topics: z.array(text),
  ...member,
  health: z.enum(['up', 'rebalancing', 'silent', 'unknown']),
  lag: whole.nullable(),
  catchUpMs: milliseconds.nullable(),
  drainMs: milliseconds.nullable(),
  unknown,
})

/** Records of one collection, by what became of them. */
export const counts = z.record(
  text,
  z.looseObject({ found: whole, erased: whole, redacted: whole, retained: whole, failed: whole }),
)
