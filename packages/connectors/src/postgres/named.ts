import { TerminalError } from '@lethe/eraser-kit'
import type { Catalogue, Column, Reference, Table } from './catalogue.js'
import { comparable } from './identifier-values.js'

/** Looks names of the data map up. Each throws a TerminalError that says what to do. */

export function tableNamed(catalogue: Catalogue, name: string): Table {
  const table = catalogue.find(name)
  if (!table)
    throw new TerminalError(
      'missing_table',
      `Table ${name} of the data map does not exist: put it back, or take it out of the map.`,
    )
  if (table.kind !== 'r' && table.kind !== 'p')
    throw new TerminalError('not_a_table', `${name} is a view or foreign table: map the table behind it.`)
  if (table.isPartition)
    throw new TerminalError('partition_mapped', `${name} is a partition: map the partitioned table.`)
  if (table.filtered)
    throw new TerminalError(
      'rls_active',
      `Row-level security filters ${name} for this role: give it BYPASSRLS.`,
    )
  if (!table.rights.select)
    throw new TerminalError('missing_rights', `The role may not read ${name}: grant SELECT.`)
  return table
}

export function columnNamed(table: Table, name: string): Column {
  const column = table.columns.get(name)
  if (!column)
    throw new TerminalError(
      'missing_column',
      `Column ${table.name}.${name} does not exist: put it back, or take it out of the map.`,
    )
  return column
}

export function identifierColumn(table: Table, name: string): Column {
  const column = columnNamed(table, name)
  if (!comparable(column))
    throw new TerminalError(
      'unsupported_column',
      `${table.name}.${name} is ${column.type}: nobody is found by it.`,
    )
  return column
}

export function momentColumn(table: Table, name: string): void {
  if (!['timestamptz', 'timestamp', 'date'].includes(columnNamed(table, name).base))
    throw new TerminalError('unsupported_column', `${table.name}.${name} is no timestamp or date.`)
}

export function referenceTo(catalogue: Catalogue, child: Table, parent: Table): Reference {
  const found = catalogue.references.filter((key) => key.child === child.oid && key.parent === parent.oid)
  const [only] = found
  if (!only || found.length > 1) {
    const message = `${child.name} has ${found.length} foreign keys to ${parent.name}: it needs exactly one.`
    throw new TerminalError('map_mismatch', message)
  }
  return only
}
