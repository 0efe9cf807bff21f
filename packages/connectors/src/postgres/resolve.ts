import type { Identifier, Subject } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import type { Column, Reference } from './catalogue.js'
import { arrayType, lowerAscii } from './identifier-values.js'
import { equals, joined, nameOf, valuesOf } from './selector.js'
import { Parameters, quote } from './sql.js'
import type { Wanted } from './subjects.js'
import type { Plan, Resolver } from './targets.js'

/** Most people one subject's identifiers may lead to; more than that is no resolution but a listing. */
const MOST_PERSONS = 20

interface Joined {
  readonly resolver: Resolver
  /** Alias of its table in the statement: `p` for the person's own. */
  readonly alias: string
}

/**
 * The people each subject's identifiers lead to. A person is one value of the canonical identifier; the
 * other columns stand in the same table, or in one whose foreign key or mapped `by` leads to it.
 */
export async function resolveSubjects(
  db: ClientBase,
  plan: Plan,
  known: readonly Subject[],
): Promise<Identifier[][][]> {
  const anchor = plan.resolvers.find((resolver) => resolver.type === plan.canonical) ?? plan.resolvers[0]
  const persons = known.map(() => new Map<string, Map<string, Identifier>>())
  if (!anchor) return known.map(() => [])
  const { from, columns } = relations(plan, anchor)
  const subjects = known.map((subject, ord) => ({ ord, ...subject }))
  for (const column of columns) {
    const { text, values } = statement(plan, anchor, columns, column, from, subjects) ?? {}
    if (!text) continue
    const { rows } = await db.query<{ ord: number; person: string; found: (string | null)[] }>(text, values)
    for (const row of rows) collect(persons[row.ord], row.person, row.found, columns)
  }
  return persons.map((people) => [...people.values()].map((identifiers) => [...identifiers.values()]))
}

function collect(
  people: Map<string, Map<string, Identifier>> | undefined,
  person: string,
  found: readonly (string | null)[],
  columns: readonly Joined[],
): void {
  if (!people || (!people.has(person) && people.size >= MOST_PERSONS)) return
  const mine = people.get(person) ?? new Map<string, Identifier>()
  people.set(person, mine)
  for (const [at, value] of found.entries()) {
    const type = columns[at]?.resolver.type
    if (!type || value === null || value === '') continue
    const normalised = type === 'email' ? lowerAscii(value) : value
    mine.set(`${type} ${normalised}`, { type, value: normalised })
  }
}

function statement(
  plan: Plan,
  anchor: Resolver,
  columns: readonly Joined[],
  wanted: Joined,
  from: string,
  subjects: readonly Wanted[],
): { text: string; values: unknown[] } | null {
  const tenantColumn =
    'column' in plan.tenantRule ? (anchor.table.columns.get(plan.tenantRule.column) ?? null) : null
  if ('column' in plan.tenantRule && !tenantColumn) {
    throw new TerminalError(
      'tenant_unprovable',
      `${anchor.table.name}: the resolver's table has no tenant column.`,
    )
  }
  const { column, table, type } = wanted.resolver
  const sought = valuesOf(
    column,
    tenantColumn,
    type,
    subjects.filter((subject) => ofTenant(plan, subject)),
  )
  if (sought.keys.length === 0) return null
  const parameters = new Parameters()
  const keys = parameters.add(sought.keys)
  const ords = parameters.add(sought.ords)
  const tenants = parameters.add(sought.tenants)
  const received = parameters.add(sought.received)
  const source = `unnest(${keys}::${arrayType(column)}[], ${ords}::int4[], ${tenants}::${tenantType(tenantColumn)}[], ${received}::float8[]) AS s(key, ord, tenant, received)`
  const where = [equals(`${wanted.alias}.${quote(column.name)}`, 's.key', column, table, type)]
  if (tenantColumn) where.push(`p.${quote(tenantColumn.name)} = s.tenant`)
  const createdAt = type === plan.canonical ? null : creationColumn(plan, anchor)
  // Whoever signed up after the request with the same e-mail is someone else.
  if (createdAt) where.push(`p.${quote(createdAt)} <= to_timestamp(s.received / 1000.0)`)
  const found = columns.map((one) => `${one.alias}.${quote(one.resolver.column.name)}::text`)
  const text = `SELECT DISTINCT s.ord, p.${quote(anchor.column.name)}::text AS person, ARRAY[${found.join(', ')}] AS found
    FROM ${source}, ${from} WHERE ${where.join(' AND ')}`
  return { text, values: parameters.values }
}

function ofTenant(plan: Plan, subject: Wanted): boolean {
  return !('constant' in plan.tenantRule) || plan.tenantRule.constant === subject.tenantId
}

function tenantType(column: Column | null): string {
  return column ? arrayType(column) : 'text'
}

function creationColumn(plan: Plan, anchor: Resolver): string | null {
  const target = plan.targets.find((one) => one.table.oid === anchor.table.oid && one.element.createdAt)
  return target?.element.createdAt ?? null
}

/** The anchor's table as `p`, every other resolver's table joined to it. */
function relations(plan: Plan, anchor: Resolver): { from: string; columns: Joined[] } {
  const aliases = new Map([[anchor.table.oid, 'p']])
  let from = `${nameOf(anchor.table)} AS p`
  for (const { table } of plan.resolvers) {
    if (aliases.has(table.oid)) continue
    const alias = `p${aliases.size}`
    aliases.set(table.oid, alias)
    from += ` LEFT JOIN ${nameOf(table)} AS ${alias} ON ${link(plan, anchor, table.oid, alias).join(' AND ')}`
  }
  const columns = plan.resolvers.map((resolver) => ({
    resolver,
    alias: aliases.get(resolver.table.oid) ?? 'p',
  }))
  return { from, columns }
}

function link(plan: Plan, anchor: Resolver, oid: number, alias: string): string[] {
  const isKey = (key: Reference) => key.child === oid && key.parent === anchor.table.oid
  const key = plan.catalogue.references.find(isKey)
  if (key) return joined(key.childColumns, alias, key.parentColumns, 'p')
  const target = plan.targets.find((one) => one.holder.oid === oid && one.identifier === anchor.type)
  if (target && target.by.base === anchor.column.base) {
    const conditions = [`${alias}.${quote(target.by.name)} = p.${quote(anchor.column.name)}`]
    if ('column' in plan.tenantRule && target.holder.columns.has(plan.tenantRule.column)) {
      const tenant = quote(plan.tenantRule.column)
      conditions.push(`${alias}.${tenant} = p.${tenant}`)
    }
    return conditions
  }
  const name = plan.catalogue.tables.get(oid)?.name ?? 'a table'
  throw new TerminalError(
    'resolver_unlinked',
    `Resolver table ${name} has no foreign key to ${anchor.table.name} and no element with by: of it.`,
  )
}
