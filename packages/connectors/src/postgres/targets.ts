import type { IdentifierType, TenantRule } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { Catalogue, Column, Reference, Table } from './catalogue.js'
import type { PostgresElement, PostgresSystem } from './grammar.js'
import { isText } from './identifier-values.js'
import { columnNamed, identifierColumn, momentColumn, referenceTo, tableNamed } from './named.js'

/** Another table that says which tenant a row without a tenant column belongs to. */
export interface Guard {
  readonly table: Table
  readonly tenant: Column
  /** Column of the guard that equals `by`. */
  readonly key: Column
}

/** Other people's texts in which a person's @handle is masked. */
export interface Mention {
  readonly table: Table
  readonly column: Column
  readonly handle: IdentifierType
  readonly tenant: Column | null
  readonly as: string
}

/** Who takes over what a person leaves, and how it is seen that others share it. */
export interface Takeover {
  /** The foreign key that leads to the new owner's table; null when the row itself names them. */
  readonly owner: { readonly key: Reference; readonly table: Table } | null
  readonly column: Column
  /** The table where others stand who share the thing. */
  readonly shared: { readonly key: Reference; readonly table: Table; readonly column: Column } | null
}

/** One element of the data map, checked against the catalogue. */
export interface Target {
  readonly index: number
  readonly element: PostgresElement
  /** The table's name as the data map writes it: the collection of its counts. */
  readonly collection: string
  readonly table: Table
  readonly identifier: IdentifierType
  readonly alias: boolean
  /** The table `by` stands in: the element's own, or the one its foreign key leads to. */
  readonly holder: Table
  readonly by: Column
  readonly via: Reference | null
  /** Tenant column in `holder` or in `table`; null when a guard or nothing decides. */
  readonly tenant: { readonly column: Column; readonly of: 'table' | 'holder' } | null
  readonly guard: Guard | null
  /** The key repointed by `detach`. */
  readonly reference: Reference | null
  readonly mention: Mention | null
  readonly takeover: Takeover | null
  /** The holder, where rows of it are also found by a key noted when they lost their person. */
  readonly kept: Table | null
}

export interface Resolver {
  readonly type: IdentifierType
  readonly table: Table
  readonly column: Column
}

export interface Plan {
  readonly targets: readonly Target[]
  readonly resolvers: readonly Resolver[]
  readonly tenantRule: TenantRule
  readonly canonical: IdentifierType
  readonly catalogue: Catalogue
}

/** An element or resolver that does not fit the tables; `path` is relative to the system's section. */
export interface Misfit {
  readonly path: readonly (string | number)[]
  readonly error: TerminalError
}

/** Checks every element against the live tables. Throws a TerminalError naming table and column, nobody's data. */
export function compile(
  system: PostgresSystem,
  catalogue: Catalogue,
  tenantRule: TenantRule,
  canonical: IdentifierType,
): Plan {
  const { plan, misfits } = compileAll(system, catalogue, tenantRule, canonical)
  const [first] = misfits
  if (first) throw first.error
  return plan
}

/** The same, with everything that does not fit at once; the plan holds the rest. */
export function compileAll(
  system: PostgresSystem,
  catalogue: Catalogue,
  tenantRule: TenantRule,
  canonical: IdentifierType,
): { plan: Plan; misfits: Misfit[] } {
  const misfits: Misfit[] = []
  const fitting = <T>(path: Misfit['path'], make: () => T): T[] => {
    try {
      return [make()]
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error
      misfits.push({ path, error })
      return []
    }
  }
  const resolvers = Object.entries(system.resolves ?? {}).flatMap(([type, path]) =>
    fitting(['resolves', type], () => {
      const cut = path.lastIndexOf('.')
      const table = tableNamed(catalogue, path.slice(0, cut))
      return { type: type as IdentifierType, table, column: identifierColumn(table, path.slice(cut + 1)) }
    }),
  )
  const targets = system.elements.flatMap((element, index) =>
    fitting(['elements', index], () => toTarget(element, index, catalogue, resolvers, tenantRule, canonical)),
  )
  const noted = new Set(targets.filter(isNoted).map(({ table }) => table.oid))
  const complete = targets.map((target) =>
    noted.has(target.holder.oid) && (target.via || isNoted(target))
      ? { ...target, kept: target.holder }
      : target,
  )
  return { plan: { targets: complete, resolvers, tenantRule, canonical, catalogue }, misfits }
}

function toTarget(
  element: PostgresElement,
  index: number,
  catalogue: Catalogue,
  resolvers: readonly Resolver[],
  rule: TenantRule,
  canonical: IdentifierType,
): Target {
  const table = tableNamed(catalogue, element.table)
  const via = element.via ? referenceTo(catalogue, table, tableNamed(catalogue, element.via)) : null
  const holder = via ? (catalogue.tables.get(via.parent) ?? table) : table
  const by = identifierColumn(holder, element.by)
  for (const name of Object.keys({ ...element.set, ...element.json })) columnNamed(table, name)
  if (element.createdAt) momentColumn(table, element.createdAt)
  const from = element.retain?.until?.split(' from ')[1]
  if (from) momentColumn(table, from)
  for (const name of Object.keys(element.json ?? {})) {
    if (!['json', 'jsonb'].includes(columnNamed(table, name).base))
      throw new TerminalError('map_mismatch', `${element.table}.${name} is no json or jsonb column.`)
  }
  if (isNoted({ element, via, by })) assertKeyed(table, element)
  const identifier = element.identifier ?? canonical
  const tenant = tenantColumn(rule, table, holder)
  const needsGuard = 'column' in rule && !tenant
  return {
    index,
    element,
    collection: element.table,
    table,
    identifier,
    alias: identifier !== canonical,
    holder,
    by,
    via,
    tenant,
    guard: needsGuard ? guardFor(catalogue, rule.column, holder, by, identifier, resolvers) : null,
    reference: element.method === 'detach' ? detachable(catalogue, table, by) : null,
    mention: element.mentions ? mentionOf(element.mentions, table, rule, canonical) : null,
    takeover: element.method === 'reassign' ? takeoverOf(element, table, by, catalogue) : null,
    kept: null,
  }
}

function tenantColumn(rule: TenantRule, table: Table, holder: Table): Target['tenant'] {
  if (!('column' in rule)) return null
  const own = table.columns.get(rule.column)
  if (own) return { column: own, of: 'table' }
  const held = holder.columns.get(rule.column)
  return held ? { column: held, of: 'holder' } : null
}

/**
 * Without a tenant column a row belongs to the tenant of the row its `by` points to: through a foreign
 * key, or through the resolver's table when its key is unique by itself. Anything less would let one
 * tenant's identifier reach another tenant's rows, so it is refused.
 */
function guardFor(
  catalogue: Catalogue,
  tenantName: string,
  holder: Table,
  by: Column,
  identifier: IdentifierType,
  resolvers: readonly Resolver[],
): Guard {
  for (const key of catalogue.references) {
    if (key.child !== holder.oid || key.childColumns.length !== 1 || key.childColumns[0] !== by.name) continue
    const guard = asGuard(catalogue.tables.get(key.parent), key.parentColumns[0] ?? '', tenantName, by)
    if (guard) return guard
  }
  for (const resolver of resolvers) {
    if (resolver.type !== identifier) continue
    const { table, column } = resolver
    const aloneUnique = table.unique.some((columns) => columns.length === 1 && columns[0] === column.name)
    const guard = aloneUnique ? asGuard(table, column.name, tenantName, by) : null
    if (guard) return guard
  }
  throw new TerminalError(
    'tenant_unprovable',
    `${holder.name}.${by.name}: the table has no column ${tenantName}, and no foreign key or unique resolver column leads to one. Add the column or map it by a key that leads there.`,
  )
}

function asGuard(table: Table | undefined, keyName: string, tenantName: string, by: Column): Guard | null {
  const tenant = table?.columns.get(tenantName)
  const key = table?.columns.get(keyName)
  return table && tenant && key && key.base === by.base ? { table, tenant, key } : null
}

function detachable(catalogue: Catalogue, table: Table, by: Column): Reference {
  const reference = catalogue.references.find(
    (key) => key.child === table.oid && key.childColumns.includes(by.name),
  )
  if (!reference)
    throw new TerminalError(
      'map_mismatch',
      `${table.name}.${by.name} is no foreign key: detach has no target.`,
    )
  return reference
}

/** Whether rows lose what they are found by and must still be found when their retention ends. */
export function isNoted({ element, via, by }: Pick<Target, 'element' | 'via' | 'by'>): boolean {
  if (!element.retain?.until) return false
  if (element.method === 'detach') return true
  return element.method === 'redact' && !via && by.name in (element.set ?? {})
}

function assertKeyed({ key, name }: Table, { set = {}, by }: PostgresElement): void {
  if (key && !key.some((column) => column in set)) return
  throw new TerminalError(
    'retained_unfindable',
    `${name}: once ${by} is overwritten, retained rows are found by the primary key alone. Add one that set: leaves, or keep ${by}.`,
  )
}

function takeoverOf(element: PostgresElement, table: Table, by: Column, catalogue: Catalogue): Takeover {
  const [columnName, ownerTable] = parted(element.to ?? '')
  const owner = ownerTable === null ? null : owning(catalogue, table, tableNamed(catalogue, ownerTable))
  const column = columnNamed(owner?.table ?? table, columnName)
  if (column.base !== by.base)
    throw new TerminalError(
      'map_mismatch',
      `${element.table}: ${element.to} is ${column.type} and ${by.name} is ${by.type}: they name different things.`,
    )
  if (!element.sharedIn) return { owner, column, shared: null }
  const [sharing = '', sharingTable] = parted(element.sharedIn)
  const sharers = tableNamed(catalogue, sharingTable ?? '')
  const who = columnNamed(sharers, sharing)
  if (who.base !== by.base)
    throw new TerminalError(
      'map_mismatch',
      `${element.sharedIn} is ${who.type} and ${by.name} is ${by.type}.`,
    )
  const key = referenceTo(catalogue, sharers, table)
  return { owner, column, shared: { key, table: sharers, column: who } }
}

function owning(catalogue: Catalogue, child: Table, table: Table) {
  return { key: referenceTo(catalogue, child, table), table }
}

/** `schema.table.column` as column and table; the table is null where only a column is named. */
function parted(path: string): [string, string | null] {
  const cut = path.lastIndexOf('.')
  return cut < 0 ? [path, null] : [path.slice(cut + 1), path.slice(0, cut)]
}

function mentionOf(
  { column: name, as, handle }: NonNullable<PostgresElement['mentions']>,
  table: Table,
  rule: TenantRule,
  canonical: IdentifierType,
): Mention {
  const column = columnNamed(table, name)
  if (!isText(column))
    throw new TerminalError('unsupported_column', `${table.name}.${name} is no text: it mentions nobody.`)
  const tenant = 'column' in rule ? columnNamed(table, rule.column) : null
  return { table, column, handle: handle ?? canonical, tenant, as }
}
