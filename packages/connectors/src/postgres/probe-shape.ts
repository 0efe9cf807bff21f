import type { ClientBase, QueryResult } from 'pg'

/** The probe's own reading of the catalogue: nothing here is shared with what erases. */
export interface ProbeColumn {
  readonly name: string
  readonly base: string
}
export interface ProbeTable {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly visible: boolean
  readonly kind: string
  readonly partition: boolean
  readonly filtered: boolean
  readonly readable: boolean
  readonly columns: readonly ProbeColumn[]
  /** Columns that are unique by themselves. */
  readonly unique: readonly string[]
}
export interface ProbeKey {
  readonly child: number
  readonly parent: number
  readonly columns: readonly (readonly [child: string, parent: string])[]
}
export interface Shape {
  readonly tables: readonly ProbeTable[]
  readonly keys: readonly ProbeKey[]
}

/** Two statements without parameters, which may stand behind others in one message. */
export const SHAPE = `SELECT r.oid::text, s.nspname AS schema, r.relname AS name, pg_table_is_visible(r.oid) AS visible, r.relkind AS kind,
    r.relispartition AS partition, row_security_active(r.oid) AS filtered, has_table_privilege(r.oid, 'SELECT') AS readable,
    coalesce(c.columns, '[]') AS columns, coalesce(u.names, '[]') AS unique
  FROM pg_class r JOIN pg_namespace s ON s.oid = r.relnamespace
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('name', a.attname, 'base', coalesce(d.typname, t.typname)) ORDER BY a.attnum) AS columns
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type d ON t.typtype = 'd' AND d.oid = t.typbasetype
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped) c ON true
  LEFT JOIN LATERAL (
    SELECT json_agg(a.attname) AS names FROM pg_index x JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = x.indkey[0]
    WHERE x.indrelid = r.oid AND x.indisunique AND x.indnkeyatts = 1 AND x.indpred IS NULL AND x.indexprs IS NULL) u ON true
  WHERE r.relkind IN ('r', 'p', 'm', 'v', 'f') AND s.nspname <> 'information_schema' AND s.nspname <> 'lethe' AND s.nspname !~ '^pg_'
  ORDER BY s.nspname, r.relname;
  SELECT f.conrelid::text AS child, f.confrelid::text AS parent,
    json_agg(json_build_array(c.attname, p.attname) ORDER BY n) AS columns
  FROM pg_constraint f, generate_subscripts(f.conkey, 1) AS n, pg_attribute c, pg_attribute p
  WHERE f.contype = 'f' AND f.conparentid = 0
    AND c.attrelid = f.conrelid AND c.attnum = f.conkey[n] AND p.attrelid = f.confrelid AND p.attnum = f.confkey[n]
  GROUP BY f.oid, f.conrelid, f.confrelid`

type TableRow = Omit<ProbeTable, 'oid'> & { readonly oid: string }
type KeyRow = Pick<ProbeKey, 'columns'> & { readonly child: string; readonly parent: string }

/** @param told of `SHAPE`, which was the last of a message */
export function shapeIn(told: readonly QueryResult[]): Shape {
  const [tables, keys] = told.slice(-2) as unknown as readonly [QueryResult<TableRow>, QueryResult<KeyRow>]
  return {
    tables: tables.rows.map((row) => ({ ...row, oid: Number(row.oid) })),
    keys: keys.rows.map((row) => ({ ...row, child: Number(row.child), parent: Number(row.parent) })),
  }
}

export const readShape = async (db: ClientBase): Promise<Shape> =>
  shapeIn((await db.query(SHAPE)) as unknown as readonly QueryResult[])

/** The table a name of the data map means, or undefined. */
export function tableCalled({ tables }: Shape, name: string): ProbeTable | undefined {
  return tables.find((table) =>
    name.includes('.') ? `${table.schema}.${table.name}` === name : table.visible && table.name === name,
  )
}
