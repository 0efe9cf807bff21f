import type { LiveTombstone, TombstonePage } from './tombstones.js'

/**
 * A page of tombstones, field by field: what a replay of a million people needs, in less than half of the bytes and a
 * third of the time to write and to read (ADR 0049). Lists without a remark have one entry for each tombstone.
 */
export interface TombstoneColumns {
  readonly tombstoneIds: readonly string[]
  readonly requestIds: readonly string[]
  readonly mapVersions: readonly number[]
  /** Places of those under a hold. */
  readonly held: readonly number[]
  /** Places of those whom a second approver let be erased above the ceiling. */
  readonly ceilingWaived: readonly number[]
  /** Why the identifiers can't be read; null where they can, or under a hold. */
  readonly codes: readonly (string | null)[]
  /** Of the person, like the next two; null where nobody is named. */
  readonly subjectRefs: readonly (string | null)[]
  readonly tenantIds: readonly (string | null)[]
  /** Epoch milliseconds. */
  readonly receivedAt: readonly (number | null)[]
  /** How many identifiers each has, and those of all, one after the other. */
  readonly identifiers: {
    readonly counts: readonly number[]
    readonly types: readonly string[]
    readonly values: readonly string[]
  }
  /** How many digests each has, and those of all, one after the other. */
  readonly digests: { readonly counts: readonly number[]; readonly values: readonly string[] }
}

/** The same page in columns. */
export function inColumns({ validUntil, tombstones }: TombstonePage) {
  const people = tombstones.map(({ subject, digested }) => subject ?? digested ?? null)
  const identifiers = tombstones.map(({ subject }) => subject?.identifiers ?? [])
  const digests = tombstones.map(({ digested }) => digested?.digests ?? [])
  const columns: TombstoneColumns = {
    tombstoneIds: tombstones.map(({ tombstoneId }) => tombstoneId),
    requestIds: tombstones.map(({ requestId }) => requestId),
    mapVersions: tombstones.map(({ mapVersion }) => mapVersion),
    held: placesOf(tombstones, ({ held }) => held),
    ceilingWaived: placesOf(tombstones, ({ ceilingWaived }) => ceilingWaived),
    codes: tombstones.map(({ code }) => code ?? null),
    subjectRefs: people.map((person) => person?.subjectRef ?? null),
    tenantIds: people.map((person) => person?.tenantId ?? null),
    receivedAt: people.map((person) => person?.receivedAt ?? null),
    identifiers: {
      counts: identifiers.map(({ length }) => length),
      types: identifiers.flatMap((all) => all.map(({ type }) => type)),
      values: identifiers.flatMap((all) => all.map(({ value }) => value)),
    },
    digests: { counts: digests.map(({ length }) => length), values: digests.flat() },
  }
  return { validUntil, columns }
}

const placesOf = (
  tombstones: readonly LiveTombstone[],
  is: (one: LiveTombstone) => boolean,
): readonly number[] => tombstones.flatMap((one, place) => (is(one) ? [place] : []))
