import type { Table } from './catalogue.js'
import { joined, type Match, type MatchOptions, match, nameOf, notYetRedacted } from './selector.js'
import { type Parameters, quote } from './sql.js'
import { ordsOf, type Subjects, WantedColumns } from './subjects.js'
import { isNoted, type Target } from './targets.js'

/*
 * A row that a law keeps may lose its person today (`set: { user_id: null }`) and must go in seven years.
 * Its primary key is noted in lethe.kept_rows under the request, beside the receipts, so that a later pass
 * of that request finds it: for its count while it is kept, and to delete it when its time is over.
 */

/** Both ways to find a target's rows: by identifiers, and by keys noted for the same request. */
export function matches(
  target: Target,
  subjects: Subjects,
  parameters: Parameters,
  options: MatchOptions,
): Match[] {
  return [
    match(target, subjects, parameters, options),
    matchKept(target, subjects, parameters, options),
  ].filter((found) => found !== null)
}

/** Rows found by noted keys of the subjects' requests; null when this target has none. */
export function matchKept(
  target: Target,
  subjects: Subjects,
  parameters: Parameters,
  { row, prefix = '' }: MatchOptions,
): Match | null {
  const { kept, via } = target
  if (!kept?.key) return null
  const wanted = ofRequests(subjects)
  if (ordsOf(wanted).length === 0) return null
  const [s, k, v] = [`${prefix}s`, `${prefix}k`, `${prefix}v`]
  const holder = via ? v : row
  const from = [
    requestsOf(wanted, parameters, s),
    `lethe.kept_rows AS ${k}`,
    ...(via ? [`${nameOf(target.holder)} AS ${v}`] : []),
  ]
  const where = [
    `${k}.request_id = ${s}.request`,
    `${k}.collection = ${parameters.add(collectionOf(kept))}`,
    ...kept.key.map((name) => {
      const type = kept.columns.get(name)?.type ?? 'text'
      return `${holder}.${quote(name)} = (${k}.key ->> ${parameters.add(name)}::text)::${type}`
    }),
    ...(via ? joined(via.childColumns, row, via.parentColumns, v) : []),
  ]
  const pending = via ? notYetRedacted(target, row, parameters) : null
  return { from: from.join(', '), where: [...where, ...(pending ? [pending] : [])].join(' AND '), kept: true }
}

/** For an update that takes a row's person away: what it returns besides `ord`, and the step that notes it. */
export function noting(
  target: Target,
  subjects: Subjects,
  parameters: Parameters,
): { readonly returning: string; readonly step: string } | null {
  const { table } = target
  if (!isNoted(target) || !table.key) return null
  const step = `noted AS (INSERT INTO lethe.kept_rows (request_id, collection, key)
    SELECT q.request, ${parameters.add(collectionOf(table))}, u.key FROM u, ${requestsOf(subjects, parameters, 'q')}
    WHERE q.ord = u.ord ON CONFLICT DO NOTHING)`
  return { returning: `, ${keyOf(table, 't')} AS key`, step }
}

/** What a delete of kept rows returns besides `ord`, and the step that forgets their keys. */
export function forgetting(
  target: Target,
  rows: string,
  parameters: Parameters,
): { readonly returning: string; readonly step: string } | null {
  if (!isNoted(target)) return null
  const step = `${rows}_gone AS (DELETE FROM lethe.kept_rows AS r USING ${rows} AS d
    WHERE r.request_id = d.request AND r.collection = ${parameters.add(collectionOf(target.table))} AND r.key = d.key)`
  return { returning: ', k.request_id AS request, k.key', step }
}

/** Without those who are only looked for. */
const ofRequests = (subjects: Subjects): Subjects =>
  subjects instanceof WantedColumns ? subjects : subjects.filter(({ requestId }) => requestId !== undefined)

function requestsOf(subjects: Subjects, parameters: Parameters, alias: string): string {
  const ids =
    subjects instanceof WantedColumns ? subjects.requestIds : subjects.map(({ requestId }) => requestId)
  const requests = parameters.add(ids)
  const ords = parameters.add(ordsOf(subjects))
  return `unnest(${requests}::text[], ${ords}::int4[]) AS ${alias}(request, ord)`
}

function keyOf({ key }: Table, row: string): string {
  const parts = (key ?? []).map((name) => `'${name.replaceAll("'", "''")}', ${row}.${quote(name)}::text`)
  return `jsonb_build_object(${parts.join(', ')})`
}

const collectionOf = ({ schema, name }: Table): string => `${schema}.${name}`
