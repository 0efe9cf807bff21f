import type { Description, Finding, Role } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { blindSpots } from './blind-spots.js'
import type { Table } from './catalogue.js'
import { referencesTo } from './database.js'
import type { PostgresSystem } from './grammar.js'
import { grantsFor, missingRights } from './grants.js'
import { heldCharacters } from './held-characters.js'
import { changesOf } from './order.js'
import { prove } from './proof.js'
import { proveSharedRow } from './proof-shared-row.js'
import { hasLowerIndex } from './selector.js'
import type { Misfit, Plan, Target } from './targets.js'

/** Below this many rows a sequential scan costs nothing worth a warning. */
const SMALL = 10_000
const PERSONAL = new RegExp(
  [
    'e_?mail|phone|mobile|msisdn|(^|_)fax($|_)|first_?name|last_?name|full_?name|sur_?name|given_?name|nick_?name|maiden_?name',
    '(user|author|customer|member|employee|contact|display|person|owner)_?name|birth|gender|nationality|ethnic|religion',
    'address|street|postal|post_?code|zip_?code|(^|_)city($|_)|ssn|passport|tax_?id|vat_?id|national_?id|driver_?licen',
    'iban|card_?number|account_?number|(^|_)ip(_?addr|$)|user_?agent|device_?id|geo_?loc|latitude|longitude|selfie|avatar|signature',
  ].join('|'),
  'i',
)

/**
 * What `map check` has to say of this system: `plan` as far as it fits, and what does not. Needs an open
 * transaction, READ ONLY; reads the catalogue and, for proofs, rows that stay on the server.
 */
export async function describe(
  db: ClientBase,
  plan: Plan,
  system: PostgresSystem,
  role: Role,
  misfits: readonly Misfit[] = [],
  neverHeld: Readonly<Record<string, string>> = {},
): Promise<Description> {
  const { catalogue, targets } = plan
  const tables = [...catalogue.tables.values()].filter((table) => !table.isPartition)
  const mapped = new Set(targets.map((target) => target.table.oid))
  const proofs: Finding[] = []
  for (const target of targets)
    proofs.push(...(await prove(db, target, mapped)), ...(await proveSharedRow(db, target, plan)))
  const findings = [
    ...misfits.map((misfit) => asFinding(misfit, system)),
    ...(misfits.length === 0 ? unmappedReferences(plan) : []),
    ...proofs,
    // The probe's role may read every column that resolves; the eraser's need not.
    ...(role === 'probe' ? await heldCharacters(db, plan, neverHeld) : []),
    ...(await missingRights(db, plan, role)),
    ...(role === 'probe' ? await blindSpots(db, plan, system) : []),
    ...targets.flatMap((target) => [...missingIndex(target), ...guards(target)]),
    ...unindexedKeys(plan),
    ...tables.flatMap((table) => personalColumns(table, plan, system)),
  ]
  const collections = tables
    .map((table) => ({ name: `${table.schema}.${table.name}`, fields: [...table.columns.keys()] }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  return { version: catalogue.version, collections, findings, grants: grantsFor(plan) }
}

function asFinding({ path, error }: Misfit, system: PostgresSystem): Finding {
  const [part, at] = path
  const where =
    part === 'elements' ? (system.elements[Number(at)]?.table ?? '') : String(system.resolves?.[String(at)])
  return { level: 'error', code: error.code, where, message: error.message, path }
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

function missingIndex({ collection, holder, by, identifier, index }: Target): Finding[] {
  const indexed =
    identifier === 'email' && ['text', 'varchar'].includes(by.base)
      ? hasLowerIndex(holder, by)
      : startsWith(holder, by.name)
  if (indexed || holder.rows < SMALL) return []
  const wanted = identifier === 'email' ? `lower(${by.name})` : by.name
  const message = `No index starts with ${wanted}: every batch reads the whole table. Create one.`
  const where = `${collection}.${by.name}`
  return [{ level: 'warning', code: 'missing_index', where, message, path: ['elements', index, 'by'] }]
}

/** Deleting a row makes the server look for rows that point to it, table by table. */
function unindexedKeys({ catalogue, targets }: Plan): Finding[] {
  const emptied = new Set(
    changesOf(targets).flatMap(({ operation, target }) => (operation === 'delete' ? [target.table.oid] : [])),
  )
  return [...emptied].flatMap((oid) =>
    referencesTo(catalogue, oid).flatMap((key): Finding[] => {
      const child = catalogue.tables.get(key.child)
      const found = child && key.childColumns.some((column) => startsWith(child, column))
      if (!child || found || child.rows < SMALL) return []
      const message = `Constraint ${key.name} leads to ${catalogue.tables.get(oid)?.name} and no index starts with its columns: each deleted row reads all of ${child.name}. Create one.`
      const where = `${child.schema}.${child.name}.${key.childColumns[0]}`
      return [{ level: 'warning', code: 'missing_index', where, message }]
    }),
  )
}

function startsWith(table: Table, column: string): boolean {
  return table.indexed.some((first) => first.replaceAll('"', '') === column)
}

function guards({ alias, element, collection, by, index }: Target): Finding[] {
  if (!alias || element.createdAt) return []
  const message =
    'Found by an alias without createdAt: whether a record is of somebody who signed up again nobody can tell; after a restore a person has to decide.'
  const where = `${collection}.${by.name}`
  return [{ level: 'warning', code: 'no_created_at', where, message, path: ['elements', index, 'by'] }]
}

function personalColumns(table: Table, plan: Plan, system: PostgresSystem): Finding[] {
  const mine = plan.targets.filter((target) => target.table.oid === table.oid)
  if (mine.some(({ element }) => ['delete', 'retain', 'reassign'].includes(element.method))) return []
  const names = [table.name, `${table.schema}.${table.name}`]
  const ignored = (system.ignore ?? []).flatMap((path) => {
    const cut = path.lastIndexOf('.')
    return names.includes(path.slice(0, cut)) ? [path.slice(cut + 1)] : []
  })
  const known = new Set([
    ...ignored,
    ...mine.flatMap(({ element, by, mention }) => [
      by.name,
      ...Object.keys({ ...element.set, ...element.json }),
      ...(mention ? [mention.column.name] : []),
    ]),
    ...plan.resolvers.flatMap(({ table: own, column }) => (own.oid === table.oid ? [column.name] : [])),
  ])
  return [...table.columns.keys()]
    .filter((name) => PERSONAL.test(name) && !known.has(name))
    .map((name) => ({
      level: 'warning' as const,
      code: 'personal_unmapped',
      where: `${table.schema}.${table.name}.${name}`,
      message: 'Looks personal and the map does not mention it: map it, or name it under ignore:.',
    }))
}
