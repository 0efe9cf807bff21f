import { z } from 'zod'

/** Queries hold text; a number has digits and nothing else, so that an empty one is not zero. */
const whole = (pattern: RegExp, says: string) => z.string().regex(pattern, says).transform(Number)

/** How old the answer may be, in milliseconds. */
export const freshness = z
  .object({ maxAgeMs: whole(/^([0-9]{1,5})$/, 'is a number of milliseconds up to 99999').prefault('2000') })
  .strict()
