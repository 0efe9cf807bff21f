import { z } from 'zod'
import { durationMs } from './duration.js'
import { identifierTypeSchema } from './grammar.js'
import type { IdentifierType, MapKind } from './types.js'

/** The kind of a system that only a person can erase from: an archive of paper, a vendor without an API. */
export const MANUAL = 'manual'

/** A task that may take longer than this is none: no law gives that much time. */
const LONGEST_MS = 366 * 86_400_000
const DURATION = 'write an ISO 8601 duration of at least an hour and at most a year, e.g. P14D'

const manualSystem = z.strictObject({
  /** Read by whoever does the task, and by everybody who may see the data map. */
  instructions: z
    .string('say what a person has to do there, in words that name nobody')
    .min(10, 'say what a person has to do there, in at least ten characters')
    .max(4_000, 'say it in at most 4000 characters, or say where the long version is')
    .refine(
      (text) => !/\S@\S/.test(text),
      'instructions name nobody: leave the address out. Whom a task is about is told to whoever takes it',
    ),
  role: z.enum(
    ['operator', 'privacy_officer', 'admin'],
    'say who does it at least: operator, privacy_officer or admin',
  ),
  within: z.string(DURATION).refine((text) => {
    const ms = durationMs(text)
    return ms !== null && ms >= 3_600_000 && ms <= LONGEST_MS
  }, DURATION),
  /** By what the person is told to find the records; the canonical identifier when left out. */
  identifiers: z
    .array(identifierTypeSchema, 'write a list of identifier types, e.g. [user_id, email]')
    .min(1, 'name at least one identifier type, or leave identifiers: out')
    .optional(),
})
export type ManualSystem = z.output<typeof manualSystem>

/** Keys of every section that mean nothing where nobody but a person looks, and why. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  connection: 'nothing connects to a manual system: remove connection:',
  resolves: 'nobody can ask a manual system who somebody is: remove resolves:',
  ceiling: 'the person who does the task sees what they erase: remove ceiling:',
  settle: 'no probe looks into a manual system: remove settle:',
  derivedFrom:
    'a person is not asked twice for one erasure: write after: instead of derivedFrom:, so that the task comes when its source is erased',
}

/** What a manual system's section says that it cannot mean; by key. */
export function meaningless(
  section: Readonly<Record<string, unknown>>,
): readonly { readonly key: string; readonly message: string }[] {
  return Object.entries(MEANINGLESS).flatMap(([key, message]) =>
    section[key] === undefined ? [] : [{ key, message }],
  )
}

/**
 * No connector is one: nothing of Lethe's erases or looks there. Its step stands beside the system of record, so that
 * no store waits days for a person unless the map says `after:`.
 */
export const manualKind: MapKind<ManualSystem> = {
  kind: MANUAL,
  stage: 'record',
  system: manualSystem,
  identifiers: (system, canonical): readonly IdentifierType[] => system.identifiers ?? [canonical],
  byHand: ({ role, within }) => ({ role, withinMs: durationMs(within) ?? LONGEST_MS }),
}

/** What a person has to do, of a parsed section of this kind; null for any other. */
export function instructionsOf(system: { readonly kind: string; readonly body: unknown }): string | null {
  if (system.kind !== MANUAL) return null
  const read = manualSystem.safeParse(system.body)
  return read.success ? read.data.instructions : null
}
