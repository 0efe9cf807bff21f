import type { PeopleColumns, Subject } from '../connector.js'

/** The same people in columns. */
export function columnsOf(subjects: readonly Subject[]): PeopleColumns {
  const identifiers = subjects.flatMap((subject) => subject.identifiers)
  return {
    tenantIds: subjects.map(({ tenantId }) => tenantId),
    receivedAt: subjects.map(({ receivedAt }) => receivedAt),
    counts: subjects.map((subject) => subject.identifiers.length),
    types: identifiers.map(({ type }) => type),
    values: identifiers.map(({ value }) => value),
  }
}
