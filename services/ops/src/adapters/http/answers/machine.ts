import { z } from 'zod'
import { aged, epochMs, group, milliseconds, text, whole } from './shapes.js'

export const erasers = z.looseObject({
  ...aged,
  items: z.array(
    group.extend({
      systemId: text,
      role: z.enum(['erase', 'probe']),
      verdict: z.enum(['up', 'silent', 'missing', 'unusable', 'failing', 'unknown']).meta({
        description: 'failing: it works, and the last made-up person it was given is not erased.',
      }),
      versions: z.array(text),
      beatAt: epochMs.nullable(),
      store: text.nullable(),
      perMinute: z.number().min(0).nullable(),
      errorRate: z.number().min(0).max(1).nullable(),
      pacing: z
        .looseObject({ size: whole, max: whole, perSecond: z.number().nullable(), waitsMs: milliseconds })
        .nullable(),
      canary: z
        .looseObject({
          result: z.enum(['passed', 'failed', 'unconfirmed']),
          at: epochMs,
          drillId: text,
          why: text.nullable(),
        })
        .nullable()
        .meta({ description: 'What became of the made-up person of the last restore drill that says so.' }),
      links: z.looseObject({ requests: text }),
    }),
  ),
})

export const gates = z.looseObject({
  items: z.array(
    z.looseObject({
      systemId: text,
      state: z.enum(['open', 'shut']),
      standing: z.enum(['open', 'shut', 'advisory', 'unknown']).meta({
        description:
          'What can be said of it: advisory is shut without the store keeping anybody out; unknown is one that nobody watches or has looked at lately.',
      }),
      watched: z.boolean(),
      lookedAt: epochMs.nullable(),
      strength: text.nullable(),
      restoreId: text.nullable(),
      reason: text.nullable(),
      since: epochMs.nullable(),
    }),
  ),
})
