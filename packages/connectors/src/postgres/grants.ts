import type { Finding, Grants, Role } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import type { Table } from './catalogue.js'
import { referencesTo } from './database.js'
import { changesOf } from './order.js'
import { nameOf } from './selector.js'
import { quote } from './sql.js'
import type { Plan, Target } from './targets.js'

/** Rights on one table. */
interface Rights {
  readonly table: Table
  delete: boolean
  insert: boolean
  readonly update: Set<string>
}

/**
 * The smallest set of grants this plan works with, for two roles called `eraser` and `probe`. The eraser
 * reads and changes what the map names; the probe reads everything, because it looks where the map does not.
 */
export function grantsFor(plan: Plan): Grants {
  const rights = rightsOf(plan)
  const tables = [...rights.values()].sort((left, right) =>
    nameOf(left.table) < nameOf(right.table) ? -1 : 1,
  )
  const schemas = distinct(tables.map(({ table }) => table.schema))
  const all = [...plan.catalogue.tables.values()]
  return {
    erase: [
      `GRANT USAGE ON SCHEMA ${['lethe', ...schemas].map(quote).join(', ')} TO eraser;`,
      ...tables.map(grantOn),
      ...sequences(tables, plan),
      'GRANT SELECT, INSERT, DELETE ON lethe.receipts TO eraser;',
      'GRANT SELECT, INSERT, UPDATE ON lethe.marker TO eraser;',
      ...(plan.targets.some(({ reference }) => reference)
        ? ['GRANT SELECT, INSERT, UPDATE ON lethe.shared_rows TO eraser;']
        : []),
      ...(plan.targets.some(({ kept }) => kept)
        ? ['GRANT SELECT, INSERT, DELETE ON lethe.kept_rows TO eraser;']
        : []),
      ...bypass(plan, 'eraser'),
    ],
    probe: [
      ...distinct(all.map(({ schema }) => schema)).flatMap((schema) => [
        `GRANT USAGE ON SCHEMA ${quote(schema)} TO probe;`,
        `GRANT SELECT ON ALL TABLES IN SCHEMA ${quote(schema)} TO probe;`,
      ]),
      ...bypass(plan, 'probe'),
    ],
  }
}

function rightsOf(plan: Plan): Map<number, Rights> {
  const { catalogue, targets, resolvers } = plan
  const rights = new Map<number, Rights>()
  const on = (table: Table): Rights => {
    const known = rights.get(table.oid) ?? { table, delete: false, insert: false, update: new Set<string>() }
    rights.set(table.oid, known)
    return known
  }
  for (const { table } of resolvers) on(table)
  for (const target of targets) {
    for (const table of read(target)) on(table)
    const parent = target.reference && catalogue.tables.get(target.reference.parent)
    if (parent) on(parent).insert = true
  }
  for (const { target, operation } of changesOf(targets)) {
    const mine = on(target.table)
    if (operation !== 'delete') {
      for (const name of updated(target, operation, plan)) mine.update.add(name)
      continue
    }
    mine.delete = true
    // Whoever deletes asks first whether rows outside the map would be dragged along.
    for (const key of referencesTo(catalogue, target.table.oid)) {
      const child = catalogue.tables.get(key.child)
      const mapped = targets.some(({ table }) => table.oid === key.child)
      const untouched = ['a', 'r'].includes(key.onDelete) || (mapped && ['n', 'd'].includes(key.onDelete))
      if (child && !untouched) on(child)
    }
  }
  return rights
}

function read({ table, holder, guard, takeover }: Target): Table[] {
  return [table, holder, guard?.table, takeover?.owner?.table, takeover?.shared?.table].filter(
    (one) => one !== undefined,
  )
}

function updated(target: Target, operation: string, plan: Plan): string[] {
  if (operation === 'mask') return target.mention ? [target.mention.column.name] : []
  if (operation === 'reassign') return [target.by.name]
  const { set = {}, json = {} } = target.element
  return [...Object.keys(set), ...Object.keys(json), ...repointed(target, plan)]
}

/** The tenant's column of a composite key stays as it is. */
function repointed({ reference }: Target, { tenantRule, catalogue }: Plan): string[] {
  if (!reference) return []
  const tenant = 'column' in tenantRule ? tenantRule.column : null
  const parent = catalogue.tables.get(reference.parent)
  return reference.childColumns.filter((_, at) => {
    const column = reference.parentColumns[at] ?? ''
    return column !== tenant || !parent?.columns.has(tenant)
  })
}

function grantOn({ table, delete: deletes, insert, update }: Rights): string {
  const columns = [...update].sort().map(quote).join(', ')
  const verbs = ['SELECT', ...(insert ? ['INSERT'] : []), ...(columns ? [`UPDATE (${columns})`] : [])]
  return `GRANT ${[...verbs, ...(deletes ? ['DELETE'] : [])].join(', ')} ON ${nameOf(table)} TO eraser;`
}

/** Defaults of a shared row may draw from a sequence; identity columns need no right for theirs. */
function sequences(tables: readonly Rights[], { catalogue }: Plan): string[] {
  const drawn = tables.flatMap(({ table, insert }) =>
    insert ? (catalogue.sequences.get(table.oid) ?? []) : [],
  )
  return distinct(drawn).map((name) => `GRANT USAGE ON SEQUENCE ${name} TO eraser;`)
}

function bypass({ targets }: Plan, role: string): string[] {
  return targets.some(({ table, holder }) => table.policies || holder.policies)
    ? [`ALTER ROLE ${role} BYPASSRLS; -- row-level security would hide rows`]
    : []
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

/**
 * For the erasing role: what it lacks of those grants, as errors. For the probing role: that it could change
 * something, as a warning. What the other role may do can't be seen from here.
 */
export async function missingRights(db: ClientBase, plan: Plan, role: Role): Promise<Finding[]> {
  if (role === 'probe') {
    const writable = [...plan.catalogue.tables.values()].filter(
      ({ rights, isPartition }) => !isPartition && (rights.delete || rights.update),
    )
    if (writable.length === 0) return []
    const where = writable.map((table) => `${table.schema}.${table.name}`).slice(0, 5)
    const message = "The probe's role may change these tables: give it SELECT and nothing else."
    return [{ level: 'warning', code: 'probe_can_write', where: where.join(', '), message }]
  }
  const findings: Finding[] = []
  for (const { table, delete: deletes, insert, update } of rightsOf(plan).values()) {
    const { rows } = await db.query<{ missing: string | null }>(
      `SELECT string_agg(wanted, ', ') AS missing FROM (
         SELECT v AS wanted FROM unnest($2::text[]) AS v WHERE NOT has_table_privilege($1::oid, v)
         UNION ALL SELECT 'UPDATE (' || c || ')' FROM unnest($3::text[]) AS c WHERE NOT has_column_privilege($1::oid, c, 'UPDATE')
       ) AS lacking`,
      [table.oid, [...(insert ? ['INSERT'] : []), ...(deletes ? ['DELETE'] : [])], [...update].sort()],
    )
    const missing = rows[0]?.missing
    if (!missing) continue
    const where = `${table.schema}.${table.name}`
    findings.push({
      level: 'error',
      code: 'missing_rights',
      where,
      message: `The eraser's role lacks ${missing} here.`,
    })
  }
  return findings
}
