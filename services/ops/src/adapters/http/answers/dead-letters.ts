import { z } from 'zod'
import { aged, epochMs, text, whole } from './shapes.js'

const letter = {
  id: text,
  group: text,
  topic: text,
  partition: whole,
  offset: text,
  type: text.nullable(),
  ceId: text.nullable(),
  code: text,
  errorClass: text,
  attempts: whole,
  redrives: whole,
  firstSeen: epochMs,
  at: epochMs,
  redriven: z.boolean(),
  quarantined: z.boolean(),
}

export const deadLetters = z.looseObject({
  ...aged,
  items: z.array(z.looseObject(letter)).nullable(),
  unknown: z.enum(['kafka_unreachable']).nullable(),
})

export const deadLetter = z.looseObject({
  ...letter,
  headers: z.record(text, text),
  message: z.looseObject({ type: text, value: z.unknown() }).nullable(),
  unread: z.enum(['no_copy', 'undecodable', 'registry_not_configured', 'registry_unavailable']).nullable(),
})

export const redriven = z.looseObject({
  dryRun: z.boolean(),
  selected: z.array(z.looseObject(letter)),
  redriven: whole,
  gone: z.array(z.looseObject(letter)),
  quarantined: whole.meta({ description: 'Failed again after three redrives; sent only when named by id.' }),
  left: whole.meta({ description: 'Fit as well, and are left for another call.' }),
})
