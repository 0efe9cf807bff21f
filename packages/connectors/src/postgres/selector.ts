import type { IdentifierType } from '@lethe/eraser-kit'
import type { Column, Table } from './catalogue.js'
import { arrayType, isInteger, isText, lowerAscii, typedValue } from './identifier-values.js'
import { arrayText, listed, type Parameters, quote } from './sql.js'
import { type Subjects, takenOf, type Wanted, WantedColumns, withoutLeft } from './subjects.js'
import type { Target } from './targets.js'

/** Whom people take along when they come back; other identifiers are given anew. */
const TAKEN_ALONG: ReadonlySet<string> = new Set(['email', 'phone'])

/** Relations and conditions that match a target's rows with the subjects of a batch. */
export interface Match {
  /** Further relations of the statement; `s.ord` says whose row it is. */
  readonly from: string
  readonly where: string
  /** Found by a noted key, not by an identifier. */
  readonly kept?: true
}

export interface MatchOptions {
  /** Alias of the target's own table. */
  readonly row: string
  /** Prefix of every other alias, so that two matches fit one statement. */
  readonly prefix?: string
  /** Without it, rows already in their redacted state are left out. */
  readonly withRedacted?: boolean
}

/** Null when no subject of the batch has a value these columns could hold. */
export function match(
  target: Target,
  subjects: Subjects,
  parameters: Parameters,
  options: MatchOptions,
): Match | null {
  const source = sourceOf(target, subjects, parameters, `${options.prefix ?? ''}s`)
  if (!source) return null
  const { row } = options
  const prefix = options.prefix ?? ''
  const s = `${prefix}s`
  const holder = target.via ? `${prefix}v` : row
  const from = [source]
  const where = [
    equals(`${holder}.${quote(target.by.name)}`, `${s}.key`, target.by, target.holder, target.identifier),
  ]
  if (target.via) {
    from.push(`${nameOf(target.holder)} AS ${holder}`)
    where.push(...joined(target.via.childColumns, row, target.via.parentColumns, holder))
  }
  if (target.tenant) {
    const alias = target.tenant.of === 'table' ? row : holder
    where.push(`${alias}.${quote(target.tenant.column.name)} = ${s}.tenant`)
  }
  if (target.guard) {
    from.push(`${nameOf(target.guard.table)} AS ${prefix}g`)
    where.push(`${prefix}g.${quote(target.guard.key.name)} = ${holder}.${quote(target.by.name)}`)
    where.push(`${prefix}g.${quote(target.guard.tenant.name)} = ${s}.tenant`)
  }
  if (datesAliases(target))
    where.push(createdBefore(`${row}.${quote(target.element.createdAt ?? '')}`, s, target, subjects))
  const pending = options.withRedacted ? null : notYetRedacted(target, row, parameters)
  if (pending) where.push(pending)
  return { from: from.join(', '), where: where.join(' AND ') }
}

/** What was created at no known time is taken only when a person decided so. */
function createdBefore(created: string, s: string, { identifier }: Target, subjects: Subjects): string {
  const before = `${created} <= to_timestamp(${s}.received / 1000.0)`
  const taken = takenOf(subjects)
  if (taken.length === 0 || !TAKEN_ALONG.has(identifier)) return before
  // Ordinals are this module's own numbers.
  return `(${before} OR (${created} IS NULL AND ${s}.ord IN (${taken.join(', ')})))`
}

/** Whom this target may be looked through for: without a creation column, nobody who may have come back. */
const datable = (target: Target, subjects: Subjects): Subjects =>
  target.alias && TAKEN_ALONG.has(target.identifier) && !target.element.createdAt
    ? withoutLeft(subjects)
    : subjects

/** The subjects' values as a relation: key, ord, tenant, and received where it is asked for; in the order of the keys. */
export function sourceOf(
  target: Target,
  subjects: Subjects,
  parameters: Parameters,
  alias: string,
): string | null {
  const tenantColumn = target.tenant?.column ?? target.guard?.tenant ?? null
  const { keys, ords, tenants, received } = valuesOf(
    target.by,
    tenantColumn,
    target.identifier,
    datable(target, subjects),
  )
  const [tenant] = tenants
  if (tenant === undefined) return null
  // Neighbours in an index are looked up together, and two batches lock what they share in one order.
  const sorted = isText(target.by) ? 'key COLLATE "C"' : 'key'
  const arrays = [
    // Digits need no escaping.
    {
      name: 'key',
      values: isInteger(target.by) ? listed(keys) : arrayText(keys),
      type: arrayType(target.by),
    },
    { name: 'ord', values: listed(ords), type: 'int4' },
  ]
  const tenantType = tenantColumn ? arrayType(tenantColumn) : 'text'
  const constants: string[] = []
  if (tenants.every((one) => one === tenant))
    constants.push(`${parameters.add(tenant)}::${tenantType} AS tenant`)
  else arrays.push({ name: 'tenant', values: arrayText(tenants), type: tenantType })
  if (datesAliases(target)) arrays.push({ name: 'received', values: listed(received), type: 'float8' })
  const unnested = `unnest(${arrays.map(({ values, type }) => `${parameters.add(values)}::${type}[]`).join(', ')})`
  const names = arrays.map(({ name }) => name).join(', ')
  const selected = [names, ...constants].join(', ')
  return `(SELECT ${selected} FROM ${unnested} AS u(${names}) ORDER BY ${sorted}) AS ${alias}`
}

/** Who is only found by an alias may be someone who signed up again with it. */
const datesAliases = ({ alias, element }: Target): boolean => alias && element.createdAt !== undefined

/** Values of subjects, one entry each: thousands of them cost more as objects than the statement about them. */
export interface Values {
  readonly keys: string[]
  readonly ords: number[]
  readonly tenants: string[]
  readonly received: number[]
}

/** Distinct typed values per subject; a tenant the column can't hold drops the subject. */
export function valuesOf(
  by: Column,
  tenantColumn: Column | null,
  type: IdentifierType,
  subjects: Subjects,
): Values {
  const found: Values = { keys: [], ords: [], tenants: [], received: [] }
  if (subjects instanceof WantedColumns) addColumns(found, by, tenantColumn, type, subjects)
  else for (const one of subjects) addOne(found, by, tenantColumn, type, one)
  return found
}

function addOne(
  found: Values,
  by: Column,
  tenantColumn: Column | null,
  type: IdentifierType,
  { ord, tenantId, identifiers, receivedAt }: Wanted,
): void {
  const tenant = tenantColumn ? typedValue(tenantColumn, null, tenantId) : ''
  if (tenant === null) return
  const from = found.keys.length
  for (const one of identifiers)
    if (one.type === type) addValue(found, from, typedValue(by, type, one.value), ord, tenant, receivedAt)
}

function addColumns(
  found: Values,
  by: Column,
  tenantColumn: Column | null,
  type: IdentifierType,
  { people: { tenantIds, receivedAt, counts, types, values } }: WantedColumns,
): void {
  // Most people of a page are of one tenant.
  let tenantId: string | undefined
  let tenant: string | null = null
  for (let [ord, at] = [0, 0]; ord < counts.length; ord++) {
    const end = at + (counts[ord] as number)
    if (tenantIds[ord] !== tenantId) {
      tenantId = tenantIds[ord] as string
      tenant = tenantColumn ? typedValue(tenantColumn, null, tenantId) : ''
    }
    const from = found.keys.length
    for (; at < end; at++)
      if (tenant !== null && types[at] === type) {
        const key = typedValue(by, type, values[at] as string)
        addValue(found, from, key, ord, tenant, receivedAt[ord] as number)
      }
  }
}

/** @param from where the values of this subject begin: nobody has one twice */
function addValue(
  { keys, ords, tenants, received }: Values,
  from: number,
  key: string | null,
  ord: number,
  tenant: string,
  receivedAt: number,
): void {
  if (key === null || keys.indexOf(key, from) >= 0) return
  keys.push(key)
  ords.push(ord)
  tenants.push(tenant)
  received.push(receivedAt)
}

/**
 * E-mails are compared with A to Z folded, because stores keep them as people typed them. The index on
 * lower(column) is used when there is one; the ASCII comparison decides.
 */
export function equals(
  expression: string,
  key: string,
  column: Column,
  table: Table,
  type: IdentifierType,
): string {
  if (type !== 'email' || !isText(column)) return `${expression} = ${key}`
  const exact = `lower(${expression}::text COLLATE "C") = ${key}::text`
  if (column.base === 'citext') return `${expression} = ${key} AND ${exact}`
  return hasLowerIndex(table, column) ? `lower(${expression}) = ${key} AND ${exact}` : exact
}

export function hasLowerIndex(table: Table, column: Column): boolean {
  const pattern = lowerAscii(`lower(${column.name}`)
  return table.indexed.some((first) =>
    lowerAscii(first.replaceAll('"', '').replaceAll('((', '(')).startsWith(pattern),
  )
}

export function joined(
  left: readonly string[],
  leftAlias: string,
  right: readonly string[],
  rightAlias: string,
): string[] {
  return left.map((name, at) => `${leftAlias}.${quote(name)} = ${rightAlias}.${quote(right[at] ?? '')}`)
}

export function nameOf(table: Table): string {
  return `${quote(table.schema)}.${quote(table.name)}`
}

/**
 * A redaction that leaves `by` in place finds its rows again; without this condition a rerun would count
 * them again. Random replacements are recognised by their form, save uuid and int.
 */
export function notYetRedacted(target: Target, row: string, parameters: Parameters): string | null {
  const { set = {}, json = {}, method } = target.element
  if (method !== 'redact' || (!target.via && target.by.name in set)) return null
  const conditions: string[] = []
  for (const [name, value] of Object.entries(set)) {
    const column = target.table.columns.get(name)
    if (!column) continue
    const cell = `${row}.${quote(name)}`
    if (value === null) conditions.push(`${cell} IS NOT NULL`)
    else if (typeof value !== 'object')
      conditions.push(`${cell}::text IS DISTINCT FROM ${parameters.add(String(value))}::text`)
    else if (value.random === 'email')
      conditions.push(`right(${cell}::text, 15) IS DISTINCT FROM '@erased.invalid'`)
    else if (value.random === 'text') conditions.push(`left(${cell}::text, 7) IS DISTINCT FROM 'erased-'`)
  }
  for (const [name, paths] of Object.entries(json)) {
    const cell = `${row}.${quote(name)}::jsonb`
    for (const path of paths)
      conditions.push(`${cell} #> ${parameters.add(path.split('.'))}::text[] IS NOT NULL`)
  }
  return conditions.length > 0 ? `(${conditions.join(' OR ')})` : null
}
