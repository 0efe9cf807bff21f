import type { ClientBase, Pool } from 'pg'

export interface Column {
  readonly name: string
  /** Type without length, quoted as SQL needs it. */
  readonly type: string
  /** Name of the base type (`int4`, `text`, `uuid`, ...), through one level of domain. */
  readonly base: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  readonly generated: boolean
  /** Length limit of char and varchar; null for none. */
  readonly maxLength: number | null
}

export interface Table {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind: `r` table, `p` partitioned, `v` view, `m` materialised view, `f` foreign. */
  readonly kind: string
  readonly isPartition: boolean
  /** Row-level security would filter what this role sees. */
  readonly filtered: boolean
  /** The table has row-level security, whoever it filters. */
  readonly policies: boolean
  readonly rights: { readonly select: boolean; readonly delete: boolean; readonly update: boolean }
  readonly rows: number
  readonly columns: ReadonlyMap<string, Column>
  /** Columns of the primary key; null without one. */
  readonly key: readonly string[] | null
  /** Columns of each unique index without predicate or expression. */
  readonly unique: readonly (readonly string[])[]
  /** Definition of the first column of each index: a column or an expression such as `lower(email)`. */
  readonly indexed: readonly string[]
}

/** A foreign key: rows of `child` point to rows of `parent`. */
export interface Reference {
  readonly name: string
  readonly child: number
  readonly parent: number
  readonly childColumns: readonly string[]
  readonly parentColumns: readonly string[]
  /** pg_constraint.confdeltype: a no action, r restrict, c cascade, n set null, d set default. */
  readonly onDelete: string
}

export interface Catalogue {
  readonly version: string
  readonly tables: ReadonlyMap<number, Table>
  readonly references: readonly Reference[]
  /** Sequences that defaults of a table draw from, by the table's oid. */
  readonly sequences: ReadonlyMap<number, readonly string[]>
  /** Looks a name of the data map up, through the search path when it has no schema. */
  find(name: string): Table | undefined
}

const TABLES = `
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
    c.relispartition AS "isPartition", row_security_active(c.oid) AS filtered, c.relrowsecurity AS policies,
    pg_table_is_visible(c.oid) AS visible, c.reltuples AS rows,
    has_any_column_privilege(c.oid, 'SELECT') AS can_select,
    has_table_privilege(c.oid, 'DELETE') AS can_delete,
    has_any_column_privilege(c.oid, 'UPDATE') AS can_update,
    (SELECT coalesce(json_agg(json_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, -1),
        'base', CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END,
        'notNull', a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), 'hasDefault', a.atthasdef OR a.attidentity <> '',
        'generated', a.attgenerated <> '' OR a.attidentity = 'a',
        'maxLength', CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END
      ) ORDER BY a.attnum), '[]')
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(json_agg(json_build_object(
        'first', pg_get_indexdef(i.indexrelid, 1, true),
        'primary', i.indisprimary, 'unique', i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL,
        'columns', (SELECT json_agg(ia.attname ORDER BY k.n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute ia ON ia.attrelid = c.oid AND ia.attnum = k.attnum WHERE k.n <= i.indnkeyatts))), '[]')
      FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lethe') AND n.nspname NOT LIKE 'pg\\_%'`

// Keys of a partitioned table exist once more per partition; only the ones somebody declared count.
const REFERENCES = `
  SELECT k.conname AS name, k.conrelid::int8 AS child, k.confrelid::int8 AS parent, k.confdeltype AS "onDelete",
    (SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS "childColumns",
    (SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS "parentColumns"
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0`

const SEQUENCES = `
  SELECT d.adrelid::int8 AS "table", p.refobjid::regclass::text AS name
  FROM pg_attrdef d JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
  JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' ORDER BY 2`

interface TableRow extends Omit<Table, 'oid' | 'columns' | 'key' | 'unique' | 'indexed' | 'rights'> {
  readonly oid: string
  readonly visible: boolean
  readonly can_select: boolean
  readonly can_delete: boolean
  readonly can_update: boolean
  readonly columns: readonly Column[]
  readonly indexes: readonly {
    readonly first: string
    readonly unique: boolean
    readonly primary: boolean
    readonly columns: string[] | null
  }[]
}

/** Reads every table, column, index and foreign key this role can see. Changes nothing. */
export async function readCatalogue(db: Pool | ClientBase): Promise<Catalogue> {
  const version = await db.query<{ server_version: string }>('SHOW server_version')
  const rows = (await db.query<TableRow>(TABLES)).rows
  const references = (await db.query(REFERENCES)).rows
  const drawn = (await db.query<{ table: string; name: string }>(SEQUENCES)).rows
  const tables = new Map(rows.map((row) => [Number(row.oid), toTable(row)]))
  const sequences = new Map<number, string[]>()
  for (const { table, name } of drawn)
    sequences.set(Number(table), [...(sequences.get(Number(table)) ?? []), name])
  const byName = new Map<string, Table>()
  for (const row of rows) {
    const table = tables.get(Number(row.oid))
    if (!table) continue
    byName.set(`${row.schema}.${row.name}`, table)
    if (row.visible) byName.set(row.name, table)
  }
  return {
    version: version.rows[0]?.server_version ?? 'unknown',
    tables,
    references: references.map((row) => ({ ...row, child: Number(row.child), parent: Number(row.parent) })),
    sequences,
    find: (name) => byName.get(name),
  }
}

function toTable(row: TableRow): Table {
  return {
    oid: Number(row.oid),
    schema: row.schema,
    name: row.name,
    kind: row.kind,
    isPartition: row.isPartition,
    filtered: row.filtered,
    policies: row.policies,
    rights: { select: row.can_select, delete: row.can_delete, update: row.can_update },
    rows: Math.max(0, Number(row.rows)),
    columns: new Map(row.columns.map((column) => [column.name, column])),
    key: row.indexes.find((index) => index.primary)?.columns ?? null,
    unique: row.indexes.flatMap((index) => (index.unique && index.columns ? [index.columns] : [])),
    indexed: row.indexes.map((index) => index.first),
  }
}
