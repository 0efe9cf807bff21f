import type { IdentifierType } from '@lethe/eraser-kit'
import type { PostgresContext } from './database.js'
import type { PostgresElement, PostgresSystem } from './grammar.js'
import { type ProbeColumn, type ProbeKey, type ProbeTable, type Shape, tableCalled } from './probe-shape.js'

/** One column to look into for one type of identifier. */
export interface Look {
  readonly table: ProbeTable
  /** Collection the matches are reported under: the data map's name of the table, or schema.table. */
  readonly collection: string
  /** Table the column stands in: `table` itself, or the one `via` leads to. */
  readonly holder: ProbeTable
  readonly via: ProbeKey | null
  readonly column: ProbeColumn
  readonly type: IdentifierType
  /** Creation column for identifiers that may belong to someone who signed up again. */
  readonly createdAt: string | null
  /** People take this identifier along: a record it alone leads to, created at no known time, may be of who came back. */
  readonly takenAlong: boolean
  /** Elements whose running retention exempts a row from this look. */
  readonly retained: readonly PostgresElement[]
  /** For a redaction that keeps the column: the row counts only when something of it is not redacted. */
  readonly content: PostgresElement | null
  /** The column is a text of others: the identifier is looked for as an @handle inside it. */
  readonly mention: boolean
}

const TEXT = new Set(['text', 'varchar', 'bpchar', 'citext'])
const PERSON =
  /^((user|customer|member|account|owner|author|person|subject|client|buyer|sender|recipient|actor)(_?(id|uuid|ref|key))?|(created|updated|deleted)_by)$/i
const NAMES: Readonly<Record<string, RegExp>> = {
  email: /e_?mail/i,
  phone: /(phone|mobile|msisdn)/i,
}

/** Every column that holds, or by its name and type could hold, one of these identifiers; with `mappedOnly` those the map names. */
export function looksFor(
  shape: Shape,
  { system, canonical, mappedOnly = false }: Pick<PostgresContext, 'system' | 'canonical' | 'mappedOnly'>,
  types: readonly IdentifierType[],
): Look[] {
  const holding = knownColumns(shape, system, canonical, mappedOnly)
  const names = canonicalNames(system, canonical)
  const looks: Look[] = []
  for (const table of shape.tables) {
    if (table.partition || !['r', 'p', 'm'].includes(table.kind)) continue
    const elements = system.elements.filter((element) => tableCalled(shape, element.table)?.oid === table.oid)
    if (mappedOnly && elements.length === 0) continue
    const collection = elements[0]?.table ?? `${table.schema}.${table.name}`
    for (const column of table.columns) {
      if (ignored(system, table, column)) continue
      const known = holding.get(`${table.oid} ${column.name}`)
      for (const type of types) {
        const wanted = known
          ? known.has(type)
          : !mappedOnly && couldHold(shape, table, column, type, canonical, names)
        if (wanted) looks.push(look(table, collection, elements, column, type, canonical))
      }
    }
    looks.push(...elements.flatMap((element) => inTexts(table, collection, element, canonical)))
    looks.push(...elements.flatMap((element) => throughParent(shape, table, collection, element, canonical)))
  }
  return looks
}

function look(
  table: ProbeTable,
  collection: string,
  elements: readonly PostgresElement[],
  column: ProbeColumn,
  type: IdentifierType,
  canonical: IdentifierType,
): Look {
  // A column that the map overwrites must be clean even where the rest of the row is retained.
  const overwritten = elements.some((element) => element.set && column.name in element.set)
  const keeping = elements.find(
    (element) => element.method === 'redact' && element.by === column.name && !element.via && !overwritten,
  )
  return {
    table,
    collection,
    holder: table,
    via: null,
    column,
    type,
    createdAt: type === canonical ? null : (elements.find((element) => element.createdAt)?.createdAt ?? null),
    takenAlong: type !== canonical && (type === 'email' || type === 'phone'),
    retained: overwritten ? [] : elements.filter((element) => element.retain),
    content: keeping ?? null,
    mention: false,
  }
}

function inTexts(
  table: ProbeTable,
  collection: string,
  { mentions }: PostgresElement,
  canonical: IdentifierType,
): Look[] {
  const column = table.columns.find((one) => one.name === mentions?.column)
  if (!mentions || !column) return []
  return [{ ...look(table, collection, [], column, mentions.handle ?? canonical, canonical), mention: true }]
}

function throughParent(
  shape: Shape,
  table: ProbeTable,
  collection: string,
  element: PostgresElement,
  canonical: IdentifierType,
): Look[] {
  const holder = element.via ? tableCalled(shape, element.via) : undefined
  const via = shape.keys.find((key) => key.child === table.oid && key.parent === holder?.oid)
  const column = holder?.columns.find((one) => one.name === element.by)
  if (!holder || !via || !column) return []
  const type = element.identifier ?? canonical
  const base = look(table, collection, [element], column, type, canonical)
  return [{ ...base, holder, via, content: element.method === 'redact' ? element : null }]
}

/** Columns the map names, and, without `named`, columns whose foreign key leads to one of those. */
function knownColumns(
  shape: Shape,
  system: PostgresSystem,
  canonical: IdentifierType,
  named: boolean,
): Map<string, Set<IdentifierType>> {
  const known = new Map<string, Set<IdentifierType>>()
  const note = (oid: number, column: string, type: IdentifierType): boolean => {
    const types = known.get(`${oid} ${column}`) ?? new Set()
    known.set(`${oid} ${column}`, types)
    const isNew = !types.has(type)
    types.add(type)
    return isNew
  }
  for (const [type, path] of Object.entries(system.resolves ?? {})) {
    const cut = path.lastIndexOf('.')
    const table = tableCalled(shape, path.slice(0, cut))
    if (table) note(table.oid, path.slice(cut + 1), type as IdentifierType)
  }
  for (const element of system.elements) {
    const table = tableCalled(shape, element.via ?? element.table)
    if (table) note(table.oid, element.by, element.identifier ?? canonical)
  }
  // Bounded: each round adds at least one of finitely many pairs.
  for (let grew = !named; grew; ) {
    grew = false
    for (const key of shape.keys)
      for (const [child, parent] of key.columns)
        for (const type of known.get(`${key.parent} ${parent}`) ?? [])
          grew = note(key.child, child, type) || grew
  }
  return known
}

function canonicalNames(system: PostgresSystem, canonical: IdentifierType): Set<string> {
  const names = new Set(['user_id', 'userid', 'customer_id', 'customerid'])
  for (const element of system.elements) {
    if ((element.identifier ?? canonical) === canonical && element.by !== 'id')
      names.add(element.by.toLowerCase())
  }
  const [path] = [system.resolves?.[canonical]]
  const table = path?.slice(0, path.lastIndexOf('.')).split('.').at(-1)
  if (table) names.add(`${table.replace(/s$/, '').toLowerCase()}_id`)
  return names
}

/**
 * By name and type. Numbers collide between tables, so a number column counts only under a name the map
 * uses; and a column whose foreign key leads elsewhere holds something else.
 */
function couldHold(
  shape: Shape,
  table: ProbeTable,
  column: ProbeColumn,
  type: IdentifierType,
  canonical: IdentifierType,
  names: ReadonlySet<string>,
): boolean {
  const elsewhere = shape.keys.some(
    (key) => key.child === table.oid && key.columns.length === 1 && key.columns[0]?.[0] === column.name,
  )
  if (elsewhere) return false
  if (type === canonical && names.has(column.name.toLowerCase())) return true
  if (type === 'user_id' || type === canonical)
    return (TEXT.has(column.base) || column.base === 'uuid') && PERSON.test(column.name)
  if (!TEXT.has(column.base)) return false
  const vendor = type.startsWith('vendor:') ? type.slice('vendor:'.length).toLowerCase() : null
  return vendor ? column.name.toLowerCase().includes(vendor) : (NAMES[type]?.test(column.name) ?? false)
}

function ignored(system: PostgresSystem, table: ProbeTable, column: ProbeColumn): boolean {
  const paths = [`${table.name}.${column.name}`, `${table.schema}.${table.name}.${column.name}`]
  return (system.ignore ?? []).some((path) => paths.includes(path))
}
