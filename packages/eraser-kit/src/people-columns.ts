import type { IdentifierType, Pass, PeopleColumns, ReplayPasses, Subject } from './connector.js'
import { TerminalError } from './errors.js'

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

/**
 * Columns that are of one length each say of everybody what they are found by; of others somebody would silently be looked
 * for by less, and called absent. @throws TerminalError
 */
export function assertAgreeing({ tenantIds, receivedAt, counts, types, values }: PeopleColumns): void {
  let all = 0
  for (const count of counts) all += count
  const isWhole = tenantIds.length === counts.length && receivedAt.length === counts.length
  if (!isWhole || types.length !== all || values.length !== all)
    throw new TerminalError('people_disagree', 'The columns of people are not of one length.')
}

/** Passes of one pass id and one grant, as `Session.replay` takes them; at least one. */
export function replayOf(passes: readonly Pass[]): ReplayPasses {
  const [{ passId, grant }] = passes as readonly [Pass]
  const taken = new Set<number>()
  const ceilingWaived = new Set<number>()
  let isSaid = false
  for (const [place, pass] of passes.entries()) {
    if (pass.undated !== undefined) isSaid = true
    if (pass.undated === 'take') taken.add(place)
    if (pass.ceilingWaived) ceilingWaived.add(place)
  }
  return {
    passId,
    grant,
    requestIds: passes.map(({ requestId }) => requestId),
    people: columnsOf(passes.map(({ subject }) => subject)),
    ceilingWaived,
    taken: isSaid ? taken : null,
  }
}
