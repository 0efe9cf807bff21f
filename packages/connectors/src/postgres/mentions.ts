import { nameOf, valuesOf } from './selector.js'
import { type Parameters, quote } from './sql.js'
import type { Subjects } from './subjects.js'
import type { Mention } from './targets.js'

/**
 * What an @handle in a text is: not inside a word or an e-mail address, and not cut short. The pattern is
 * the same for everybody; handles are compared with what it finds, they never become part of it.
 */
const HANDLES = `'(?<![[:alnum:]_.+-])@([[:alnum:]_](?:[[:alnum:]_.-]*[[:alnum:]_])?)'`

export interface Mentioned {
  readonly from: string
  readonly where: string
}

/** Rows `row` of the table whose text mentions one of the subjects; null when nobody has a handle. */
export function mentioning(
  mention: Mention,
  subjects: Subjects,
  parameters: Parameters,
  row: string,
): Mentioned | null {
  const found = valuesOf(mention.column, mention.tenant, mention.handle, subjects)
  if (found.keys.length === 0) return null
  const keys = parameters.add(found.keys)
  const ords = parameters.add(found.ords)
  const tenants = parameters.add(found.tenants)
  const text = `${row}.${quote(mention.column.name)}`
  const inner = `SELECT DISTINCT b.tableoid AS part, b.ctid AS place, k.key, k.ord
    FROM ${nameOf(mention.table)} AS b
    CROSS JOIN LATERAL regexp_matches(b.${quote(mention.column.name)}, ${HANDLES}, 'g') AS h(found)
    JOIN unnest(${keys}::text[], ${ords}::int4[], ${tenants}::text[]) AS k(key, ord, tenant) ON h.found[1] = k.key
    WHERE strpos(b.${quote(mention.column.name)}, '@') > 0${
      mention.tenant ? ` AND b.${quote(mention.tenant.name)}::text = k.tenant` : ''
    }`
  const where = `${row}.tableoid = s.part AND ${row}.ctid = s.place AND strpos(${text}, '@' || s.key) > 0`
  return { from: `(${inner}) AS s`, where }
}

/**
 * Masks one person's handle in each text that mentions somebody; columns: ord, rows. A text that mentions
 * several people is changed once per statement, so it is run until it changes nothing.
 */
export function maskStatement(mention: Mention, subjects: Subjects, parameters: Parameters): string | null {
  const found = mentioning(mention, subjects, parameters, 't')
  if (!found) return null
  const cell = `t.${quote(mention.column.name)}`
  const as = parameters.add(mention.as)
  // Split at the handle, then put it back where it is part of a longer word: no pattern sees the handle.
  const masked = `(SELECT string_agg(CASE WHEN n = 1 THEN piece
      WHEN piece ~ '^([[:alnum:]_]|[.-]+[[:alnum:]_])' OR before ~ '[[:alnum:]_.+-]$' THEN '@' || s.key || piece
      ELSE ${as}::text || piece END, '' ORDER BY n)
    FROM (SELECT piece, n, lag(piece) OVER (ORDER BY n) AS before
      FROM unnest(string_to_array(${cell}, '@' || s.key)) WITH ORDINALITY AS p(piece, n)) AS pieces)`
  return `WITH u AS (UPDATE ${nameOf(mention.table)} AS t SET ${quote(mention.column.name)} = ${masked}
      FROM ${found.from} WHERE ${found.where} RETURNING s.ord)
    SELECT ord, count(*)::int4 AS rows FROM u GROUP BY ord`
}
