import { z } from 'zod'
import { tallies, text } from './shapes.js'

/** The requests of a person who was named; the ids of `GET /v1/requests?requestId=`. */
export const personRequests = z.looseObject({ requestIds: z.array(text), truncated: z.boolean() })

/** The only answer that names a person: to who named them. */
export const where = z.looseObject({
  whereId: text,
  holding: z.array(
    z.looseObject({
      systemId: text,
      ids: z.array(z.looseObject({ type: text, value: text })),
      collections: tallies.nullable(),
    }),
  ),
  without: z.array(text),
  unknown: z.array(text),
})
