import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Catalogue, Reference, Table } from './catalogue.js'
import { order } from './order.js'
import type { Target } from './targets.js'

function table(oid: number): Table {
  return {
    oid,
    schema: 'public',
    name: `t${oid}`,
    kind: 'r',
    isPartition: false,
    filtered: false,
    policies: false,
    rows: 0,
    rights: { select: true, delete: true, update: true },
    columns: new Map(),
    key: null,
    unique: [],
    indexed: [],
  }
}

const key = (child: number, parent: number): Reference => ({
  name: 'k',
  child,
  parent,
  childColumns: ['p'],
  parentColumns: ['id'],
  onDelete: 'a',
})

function target(index: number, own: Table, method: 'delete' | 'redact' = 'delete'): Target {
  const by = {
    name: 'id',
    type: 'int4',
    base: 'int4',
    notNull: true,
    hasDefault: false,
    generated: false,
    maxLength: null,
  }
  return {
    index,
    element: { table: own.name, by: 'id', method, ...(method === 'redact' ? { set: { name: null } } : {}) },
    collection: own.name,
    table: own,
    identifier: 'user_id',
    alias: false,
    holder: own,
    by,
    via: null,
    tenant: null,
    guard: null,
    reference: null,
    mention: null,
    takeover: null,
    kept: null,
  }
}

const catalogue = (tables: readonly Table[], references: readonly Reference[]): Catalogue => ({
  version: '15',
  tables: new Map(tables.map((one) => [one.oid, one])),
  references,
  sequences: new Map(),
  find: () => undefined,
})

describe('order', () => {
  test('whatever the foreign keys, no table is deleted from before one that points to it, save in one statement', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 }), (pairs) => {
        const tables = Array.from({ length: 8 }, (_, oid) => table(oid))
        const groups = order(
          tables.map((one, index) => target(index, one)),
          catalogue(
            tables,
            pairs.map(([child, parent]) => key(child, parent)),
          ),
        )
        const place = new Map(
          groups.flatMap((group, at) => group.map((change) => [change.target.table.oid, at] as const)),
        )
        expect(place.size).toBe(8)
        for (const [child, parent] of pairs)
          expect(place.get(child)).toBeLessThanOrEqual(place.get(parent) as number)
      }),
    )
  })

  test('only a cycle puts two tables into one group', () => {
    const tables = [table(0), table(1), table(2)]
    const targets = tables.map((one, index) => target(index, one))
    const shape = (keys: Reference[]) =>
      order(targets, catalogue(tables, keys)).map((group) => group.map(({ target: one }) => one.table.oid))
    expect(shape([key(1, 0), key(2, 1)])).toEqual([[2], [1], [0]])
    expect(shape([key(0, 1), key(1, 0), key(2, 1)])).toEqual([[2], [0, 1]])
  })

  test('rows are redacted before rows of the same table are deleted', () => {
    const own = table(0)
    const groups = order([target(0, own), target(1, own, 'redact')], catalogue([own], []))
    expect(groups.flat().map(({ operation }) => operation)).toEqual(['redact', 'delete'])
  })
})
