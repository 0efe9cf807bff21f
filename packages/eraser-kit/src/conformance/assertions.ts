import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { LetheError } from '@lethe/service-host'
import type { Counts, Outcome } from '../connector.js'
import type { Settlement } from '../settle.js'
import type { Backdoor, Person, Snapshot, Tally } from './backdoor.js'

const withoutZeros = (tally: Tally): Record<string, number> =>
  Object.fromEntries(
    Object.entries(tally)
      .filter(([, n]) => n !== 0)
      .sort(),
  )

export const foundIn = (counts: Counts): Tally =>
  Object.fromEntries(Object.entries(counts).map(([collection, c]) => [collection, c.found]))

export const total = (tally: Tally): number => Object.values(tally).reduce((sum, n) => sum + n, 0)

const DONE = new Set(['erased', 'redacted', 'retained'])

/** The outcome says that the person is gone, with exactly the counts that were seeded. */
export function assertDone(outcome: Outcome | undefined, seeded: Tally, whom = 'the person'): void {
  assert.ok(outcome, `there is no outcome for ${whom}`)
  assert.ok(
    DONE.has(outcome.outcome),
    `${whom} ended as "${outcome.outcome}" (${outcome.errorCode ?? 'no code'}), not as erased, redacted or retained`,
  )
  assert.deepEqual(
    withoutZeros(foundIn(outcome.counts)),
    withoutZeros(seeded),
    `the counts of ${whom} are not what was seeded`,
  )
  for (const [collection, c] of Object.entries(outcome.counts)) {
    assert.equal(c.failed, 0, `${collection} of ${whom} has failures in a successful outcome`)
    assert.equal(
      c.erased + c.redacted + c.retained,
      c.found,
      `${collection} of ${whom}: what was erased, redacted and retained is not what was found`,
    )
  }
}

export async function assertGone(backdoor: Backdoor, person: Person, why: string): Promise<void> {
  assert.deepEqual(withoutZeros(await backdoor.count(person)), {}, why)
}

/** Every record of `before` is unchanged; anything new is one of `allowed`. */
export function assertUntouched(
  before: Snapshot,
  after: Snapshot,
  why: string,
  allowed: (record: string) => boolean = () => false,
): void {
  const changed = [...before]
    .filter(([record, content]) => after.get(record) !== content)
    .map(([record]) => record)
  const appeared = [...after.keys()].filter((record) => !before.has(record) && !allowed(record))
  assert.deepEqual({ changed, appeared }, { changed: [], appeared: [] }, why)
}

/** Neither the text of an error, however deep, nor an outcome quotes a person. */
export function assertNamesNobody(value: unknown, people: readonly Person[], what: string): void {
  const text = everythingIn(value)
  for (const person of people)
    for (const [type, identifier] of Object.entries(person.identifiers)) {
      const spellings = [identifier, encodeURIComponent(identifier), JSON.stringify(identifier).slice(1, -1)]
      if (identifier && spellings.some((spelling) => text.includes(spelling)))
        assert.fail(`${what} quotes the ${type} of a person`)
    }
}

function everythingIn(value: unknown, depth = 6): string {
  const shown = inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null })
  if (!(value instanceof Error) || depth === 0) return shown
  const own = Object.getOwnPropertyNames(value).map((name) => inspect(Reflect.get(value, name), { depth: 8 }))
  return [shown, value.message, value.stack, ...own, everythingIn(value.cause, depth - 1)].join('\n')
}

/** Class of whatever went wrong; `none` when nothing did. Unknown errors count as retryable. */
export function classOf(settlement: Settlement | { readonly by: 'error'; readonly error: unknown }): string {
  if (settlement.by === 'error')
    return settlement.error instanceof LetheError ? settlement.error.errorClass : 'retryable'
  if (settlement.by === 'outcome' && settlement.outcome.outcome === 'failed')
    return settlement.outcome.errorClass ?? 'retryable'
  return 'none'
}
