import type { Description, Finding } from '@lethe/eraser-kit'
import type { Column, Table } from './catalogue.js'
import { referencesTo } from './database.js'
import { changesOf } from './order.js'
import { hasLowerIndex } from './selector.js'
import type { Plan, Target } from './targets.js'

/** Below this many rows a sequential scan costs nothing worth a warning. */
const SMALL = 10_000
const PERSONAL =
  /(e_?mail|phone|mobile|first_?name|last_?name|full_?name|birth|address|ssn|passport|iban|ip_addr)/i

/** What `map check` has to say of this system. Reads the catalogue only. */
export function describe(plan: Plan): Description {
  const { catalogue, targets } = plan
  const tables = [...catalogue.tables.values()].filter((table) => !table.isPartition)
  const findings = [
    ...unmappedReferences(plan),
    ...targets.flatMap((target) => [...missingIndex(target), ...replacements(target), ...guards(target)]),
    ...tables.flatMap((table) => personalColumns(table, plan)),
  ]
  const collections = tables
    .map((table) => ({ name: `${table.schema}.${table.name}`, fields: [...table.columns.keys()] }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  return { version: catalogue.version, collections, findings }
}

function unmappedReferences({ catalogue, targets }: Plan): Finding[] {
  const mapped = new Set(targets.map((target) => target.table.oid))
  const emptied = new Set(
    changesOf(targets).flatMap((change) => (change.operation === 'delete' ? [change.target.table.oid] : [])),
  )
  return [...emptied].flatMap((oid) =>
    referencesTo(catalogue, oid).flatMap((key): Finding[] => {
      const child = catalogue.tables.get(key.child)
      if (!child || mapped.has(key.child)) return []
      const message = `Constraint ${key.name} points to ${catalogue.tables.get(oid)?.name}, which the map deletes from, and ${child.name} is not mapped: map it, with via: if it has no column of the person.`
      return [
        { level: 'error', code: 'referencing_unmapped', where: `${child.schema}.${child.name}`, message },
      ]
    }),
  )
}

function missingIndex({ collection, holder, by, identifier }: Target): Finding[] {
  const indexed =
    identifier === 'email' && ['text', 'varchar'].includes(by.base)
      ? hasLowerIndex(holder, by)
      : holder.indexed.some((first) => first.replaceAll('"', '') === by.name)
  if (indexed || holder.rows < SMALL) return []
  const wanted = identifier === 'email' ? `lower(${by.name})` : by.name
  const message = `No index starts with ${wanted}: every batch reads the whole table. Create one.`
  return [{ level: 'warning', code: 'missing_index', where: `${collection}.${by.name}`, message }]
}

function replacements(target: Target): Finding[] {
  const { element, table, collection } = target
  const findings: Finding[] = []
  const problem = (name: string, code: string, message: string) =>
    findings.push({ level: 'error', code, where: `${collection}.${name}`, message })
  for (const [name, value] of Object.entries(element.set ?? {})) {
    const column = table.columns.get(name)
    if (!column) continue
    const random = value !== null && typeof value === 'object'
    if (value === null && column.notNull)
      problem(name, 'replacement_null', 'The column is NOT NULL: give a value, or detach a reference.')
    if (
      value !== null &&
      !random &&
      table.unique.some((columns) => columns.length === 1 && columns[0] === name)
    )
      problem(name, 'replacement_not_unique', 'The column is UNIQUE: use { random: … }.')
    if (column.generated)
      problem(name, 'replacement_generated', 'The column is generated: redact what it is made from.')
    if (typeof value === 'string' && column.maxLength !== null && [...value].length > column.maxLength)
      problem(name, 'replacement_too_long', `The column holds ${column.maxLength} characters.`)
    if (random && value.random === 'email' && column.maxLength !== null && column.maxLength < 32)
      problem(name, 'replacement_too_long', 'A random e-mail needs 32 characters.')
    if (random && !fits(value.random, column))
      problem(name, 'replacement_type', `A random ${value.random} is no ${column.type}.`)
  }
  return findings
}

function fits(kind: string, column: Column): boolean {
  const text = ['text', 'varchar', 'bpchar', 'citext'].includes(column.base)
  if (kind === 'int') return ['int2', 'int4', 'int8', 'numeric'].includes(column.base)
  return text || (kind === 'uuid' && column.base === 'uuid')
}

function guards({ alias, element, collection, by }: Target): Finding[] {
  if (!alias || element.createdAt) return []
  const message =
    'Found by an alias without createdAt: a person who signs up again with it would be erased too.'
  return [{ level: 'warning', code: 'no_created_at', where: `${collection}.${by.name}`, message }]
}

function personalColumns(table: Table, plan: Plan): Finding[] {
  const mine = plan.targets.filter((target) => target.table.oid === table.oid)
  if (mine.some(({ element }) => element.method === 'delete' || element.method === 'retain')) return []
  const known = new Set([
    ...mine.flatMap(({ element, by }) => [by.name, ...Object.keys({ ...element.set, ...element.json })]),
    ...plan.resolvers.flatMap(({ table: own, column }) => (own.oid === table.oid ? [column.name] : [])),
  ])
  return [...table.columns.keys()]
    .filter((name) => PERSONAL.test(name) && !known.has(name))
    .map((name) => ({
      level: 'warning' as const,
      code: 'personal_unmapped',
      where: `${table.schema}.${table.name}.${name}`,
      message: 'Looks personal and the map does not mention it.',
    }))
}
