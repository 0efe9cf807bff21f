import type { ClientBase } from 'pg'

/** What a table asks of its values, as the server itself would print it. */
export interface Constraints {
  /** Column → type with length and precision, as a cast needs it. */
  readonly types: ReadonlyMap<string, string>
  readonly checks: readonly Check[]
  readonly uniques: readonly Unique[]
  /** Foreign keys of this table. */
  readonly keys: readonly Key[]
  readonly exclusions: readonly { readonly name: string; readonly columns: readonly string[] }[]
}

export interface Check {
  readonly name: string
  readonly expression: string
  /** Columns it reads; empty when it reads the whole row. */
  readonly columns: readonly string[]
}

export interface Unique {
  readonly name: string
  /** Columns and, in parentheses, expressions, with the columns each of them reads. */
  readonly parts: readonly { readonly text: string; readonly columns: readonly string[] }[]
  /** Only rows for which this holds are unique; null for all. */
  readonly predicate: string | null
  readonly predicateColumns: readonly string[]
  readonly nullsEqual: boolean
}

export interface Key {
  readonly name: string
  readonly columns: readonly string[]
  readonly parent: string
  readonly parentOid: number
  readonly parentColumns: readonly string[]
  /** MATCH FULL: all columns are NULL, or none. */
  readonly full: boolean
  /** pg_constraint.confupdtype: `a` and `r` refuse a change of what is pointed to. */
  readonly onUpdate: string
  readonly child: number
}

const TYPES = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type
  FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped`

const CHECKS = `SELECT k.conname AS name, k.contype AS kind, pg_get_expr(k.conbin, k.conrelid) AS expression,
    (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
  FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype IN ('c', 'x') ORDER BY 1`

// What an expression reads is asked of pg_depend for the index as a whole: the catalogue keeps no more.
const UNIQUES = `SELECT c.relname AS name, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS "nullsEqual",
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    (SELECT json_agg(json_build_object('text', pg_get_indexdef(i.indexrelid, k, true), 'column', a.attname) ORDER BY k)
      FROM generate_series(1, i.indnkeyatts) AS k
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0) AS parts,
    (SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_depend d
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid = i.indrelid AND d.refobjsubid > 0) AS reads
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid ORDER BY 1`

const KEYS = `SELECT k.conname AS name, k.conrelid::int8 AS child, k.confrelid::int8 AS "parentOid",
    k.confrelid::regclass::text AS parent, k.confmatchtype = 'f' AS full, k.confupdtype AS "onUpdate",
    (SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
    (SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS "parentColumns"
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = $1 OR k.confrelid = $1) ORDER BY 1`

interface UniqueRow {
  readonly name: string
  readonly nullsEqual: boolean
  readonly predicate: string | null
  readonly parts: readonly { readonly text: string; readonly column: string | null }[]
  readonly reads: readonly string[]
}

/** Reads the catalogue only. Constraints that only one partition has are not seen. */
export async function readConstraints(
  db: ClientBase,
  oid: number,
): Promise<Constraints & { pointedTo: Key[] }> {
  const types = await db.query<{ name: string; type: string }>(TYPES, [oid])
  const checks = await db.query<Check & { kind: string }>(CHECKS, [oid])
  const uniques = await db.query<UniqueRow>(UNIQUES, [oid])
  const keys = await db.query<Key & { child: string; parentOid: string }>(KEYS, [oid])
  const all = keys.rows.map((row) => ({ ...row, child: Number(row.child), parentOid: Number(row.parentOid) }))
  return {
    types: new Map(types.rows.map(({ name, type }) => [name, type])),
    checks: checks.rows.filter(({ kind }) => kind === 'c'),
    exclusions: checks.rows.filter(({ kind }) => kind === 'x'),
    uniques: uniques.rows.map(toUnique),
    keys: all.filter(({ child }) => child === oid),
    pointedTo: all.filter(({ parentOid }) => parentOid === oid),
  }
}

function toUnique({ name, nullsEqual, predicate, parts, reads }: UniqueRow): Unique {
  return {
    name,
    nullsEqual,
    predicate,
    parts: parts.map(({ text, column }) => ({ text, columns: column === null ? reads : [column] })),
    predicateColumns: predicate === null ? [] : reads,
  }
}
