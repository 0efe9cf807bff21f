import type { IdentifierType, PeopleColumns, Subject } from './connector.js'

/** The same people in columns, each made of its size: one that grows is copied several times on its way. */
export function columnsOf(subjects: readonly Subject[]): PeopleColumns {
  const counts = subjects.map(({ identifiers }) => identifiers.length)
  const all = counts.reduce((sum, count) => sum + count, 0)
  const types = new Array<IdentifierType>(all)
  const values = new Array<string>(all)
  let at = 0
  for (const { identifiers } of subjects)
    for (const { type, value } of identifiers) {
      types[at] = type
      values[at++] = value
    }
  return {
    tenantIds: subjects.map(({ tenantId }) => tenantId),
    receivedAt: subjects.map(({ receivedAt }) => receivedAt),
    counts,
    types,
    values,
  }
}
