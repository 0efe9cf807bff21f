import { equals, joined, match, nameOf, sourceOf } from './selector.js'
import { Parameters, quote } from './sql.js'
import type { Statement } from './statements.js'
import type { Subjects } from './subjects.js'
import type { Takeover, Target } from './targets.js'

/**
 * Hands a person's rows to their new owner: where somebody else is named who is not of this batch, and,
 * with `sharedIn:`, where others share the thing. The rest still is the person's. Columns: ord, rows.
 */
export function reassignStatement(target: Target, subjects: Subjects): Statement | null {
  const parts = partsOf(target, subjects)
  if (!parts) return null
  const { parameters, from, where, taken, shared } = parts
  const owner = ownerOf(target.takeover as Takeover)
  const text = `WITH u AS (UPDATE ${nameOf(target.table)} AS t SET ${quote(target.by.name)} = ${owner}
      FROM ${from} WHERE ${[where, taken, ...shared].join(' AND ')} RETURNING s.ord)
    SELECT ord, count(*)::int4 AS rows FROM u GROUP BY ord`
  return { text, values: parameters.values }
}

/**
 * Subjects with rows that may neither be deleted nor find a new owner: shared ones, or any where the map
 * has no `else:`. Columns: ord. Null when there can be none.
 */
export function ownerlessStatement(target: Target, subjects: Subjects): Statement | null {
  if (target.element.else && !target.takeover?.shared) return null
  const parts = partsOf(target, subjects)
  if (!parts) return null
  const { parameters, from, where, taken, shared } = parts
  const conditions = [where, `(${taken}) IS NOT TRUE`, ...shared]
  return {
    text: `SELECT DISTINCT s.ord FROM ${nameOf(target.table)} AS t, ${from} WHERE ${conditions.join(' AND ')}`,
    values: parameters.values,
  }
}

interface Parts {
  readonly parameters: Parameters
  readonly from: string
  readonly where: string
  readonly taken: string
  readonly shared: readonly string[]
}

function partsOf(target: Target, subjects: Subjects): Parts | null {
  const { takeover, by, holder, identifier, tenant, guard } = target
  if (!takeover) return null
  const parameters = new Parameters()
  const found = match(target, subjects, parameters, { row: 't' })
  // The batch once more: who is erased with the person takes nothing over.
  const leaving = sourceOf(target, subjects, parameters, 'n')
  if (!found || !leaving) return null
  const owner = ownerOf(takeover)
  const person = `t.${quote(by.name)}`
  const same = [
    equals(owner, 'n.key', by, holder, identifier),
    ...(tenant || guard ? ['n.tenant = s.tenant'] : []),
  ]
  const { shared } = takeover
  return {
    parameters,
    ...found,
    taken: `${owner} <> ${person} AND NOT EXISTS (SELECT 1 FROM ${leaving} WHERE ${same.join(' AND ')})`,
    shared: shared
      ? [
          `EXISTS (SELECT 1 FROM ${nameOf(shared.table)} AS h WHERE ${[
            ...joined(shared.key.childColumns, 'h', shared.key.parentColumns, 't'),
            `h.${quote(shared.column.name)} <> ${person}`,
          ].join(' AND ')})`,
        ]
      : [],
  }
}

/** The new owner of row `t`; a foreign key leads to one row at most. */
function ownerOf({ owner, column }: Takeover): string {
  if (!owner) return `t.${quote(column.name)}`
  const join = joined(owner.key.parentColumns, 'o', owner.key.childColumns, 't')
  return `(SELECT o.${quote(column.name)} FROM ${nameOf(owner.table)} AS o WHERE ${join.join(' AND ')})`
}
