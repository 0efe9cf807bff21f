import type { Column, Reference, Table } from './catalogue.js'
import type { Replacement } from './grammar.js'
import { forgetting, matches, matchKept, noting } from './kept-rows.js'
import { mentioning } from './mentions.js'
import type { Change, Group } from './order.js'
import { joined, match, nameOf } from './selector.js'
import { Parameters, quote } from './sql.js'
import type { Subjects } from './subjects.js'
import { byCount } from './tally.js'
import type { Target } from './targets.js'

export interface Statement {
  readonly text: string
  readonly values: unknown[]
}

/** Distinct rows per subject over every element of one collection, as they are now. Columns: ords, rows (`byCount`). */
export function countStatement(targets: readonly Target[], subjects: Subjects): Statement | null {
  const parameters = new Parameters()
  const parts = targets.flatMap((target) => {
    const texts = target.mention && mentioning(target.mention, subjects, parameters, 't')
    const mentions = texts ? [select(target, texts)] : []
    const own = target.element.set || target.element.json || target.element.method !== 'redact'
    const found = own ? matches(target, subjects, parameters, { row: 't' }) : []
    return [...found.map((one) => select(target, one)), ...mentions]
  })
  if (parts.length === 0) return null
  const text = `SELECT ord, count(DISTINCT (part, place))::int4 AS rows FROM (${parts.join(' UNION ALL ')}) AS hits GROUP BY ord`
  return { text: byCount(text), values: parameters.values }
}

function select(target: Target, { from, where }: { from: string; where: string }): string {
  return `SELECT s.ord, t.tableoid AS part, t.ctid AS place FROM ${nameOf(target.table)} AS t, ${from} WHERE ${where}`
}

/** Rows of a retained element whose time is not over. Columns: ord, rows, until (epoch milliseconds or null). */
export function retainedStatement(target: Target, subjects: Subjects, now: number): Statement | null {
  const parameters = new Parameters()
  const found = matches(target, subjects, parameters, { row: 't', withRedacted: true })
  if (found.length === 0) return null
  const end = retainedUntil(target, 't', parameters)
  const running = stillRetained(target, 't', parameters, now)
  const rows = found.map(
    ({ from, where }) => `SELECT s.ord, t.tableoid AS part, t.ctid AS place, ${end} AS until
      FROM ${nameOf(target.table)} AS t, ${from} WHERE ${where} AND ${running}`,
  )
  const text = `SELECT ord, count(*)::int4 AS rows, (extract(epoch FROM max(until)) * 1000)::float8 AS until
    FROM (${rows.join(' UNION ')}) AS kept GROUP BY ord`
  return { text, values: parameters.values }
}

/** Deletes everything a group deletes in one statement, so that keys inside the group hold at its end. Columns: change, ords, rows. */
export function deleteStatement(changes: Group, subjects: Subjects, now: number): Statement | null {
  const parameters = new Parameters()
  const parts: string[] = []
  const sums: string[] = []
  for (const [index, change] of changes.entries()) {
    const { target } = change
    for (const [way, found] of matches(target, subjects, parameters, { row: 't' }).entries()) {
      const name = `d${index}_${way}`
      const where = `${found.where}${retention(change, 't', parameters, now)}`
      const forgotten = found.kept ? forgetting(target, name, parameters) : null
      const returning = `RETURNING s.ord${forgotten?.returning ?? ''}`
      parts.push(
        `${name} AS (DELETE FROM ${nameOf(target.table)} AS t USING ${found.from} WHERE ${where} ${returning})`,
        ...(forgotten ? [forgotten.step] : []),
      )
      const counts = `SELECT ord, count(*)::int4 AS rows FROM ${name} GROUP BY ord`
      sums.push(`SELECT ${index}::int4 AS change, counted.* FROM (${byCount(counts)}) AS counted`)
    }
  }
  if (parts.length === 0) return null
  return { text: `WITH ${parts.join(', ')} ${sums.join(' UNION ALL ')}`, values: parameters.values }
}

/**
 * Subjects whose rows can't go because rows that stay point to them; columns: ord. Rows the same group
 * deletes do not count. One statement per foreign key that leads to the change's table.
 */
export function blockedStatement(
  change: Change,
  key: Reference,
  child: Table,
  group: Group,
  subjects: Subjects,
  now: number,
): Statement | null {
  const parameters = new Parameters()
  const found = matches(change.target, subjects, parameters, { row: 't' })
  if (found.length === 0) return null
  const conditions = joined(key.childColumns, 'c', key.parentColumns, 't')
  for (const [index, other] of group.entries()) {
    if (other.target.table.oid !== child.oid) continue
    for (const going of matches(other.target, subjects, parameters, { row: 'c', prefix: `x${index}_` })) {
      const where = `${going.where}${retention(other, 'c', parameters, now)}`
      conditions.push(`NOT EXISTS (SELECT 1 FROM ${going.from} WHERE ${where})`)
    }
  }
  const ending = retention(change, 't', parameters, now)
  const parts = found.map(
    ({
      from,
      where,
    }) => `SELECT s.ord FROM ${nameOf(change.target.table)} AS t, ${from}, ${nameOf(child)} AS c
      WHERE ${where}${ending} AND ${conditions.join(' AND ')}`,
  )
  return { text: parts.join(' UNION '), values: parameters.values }
}

/** `repointed`: for detach, the value of each foreign-key column as text. Columns of each: ords, rows. */
export function updateStatements(
  change: Change,
  subjects: Subjects,
  now: number,
  repointed: Readonly<Record<string, string>> | null,
): Statement[] {
  const { target } = change
  // A row that was noted has lost its person and its contents already; rows that hang on it may have not.
  return [match, ...(target.via ? [matchKept] : [])].flatMap((way) => {
    const parameters = new Parameters()
    const found = way(target, subjects, parameters, { row: 't' })
    if (!found) return []
    const moved = Object.entries(repointed ?? {}).map(([name, value]) => ({
      name,
      sql: replaced(target, name, value, parameters),
    }))
    const assignments = [...moved, ...redactions(target, parameters)].map(
      ({ name, sql }) => `${quote(name)} = ${sql}`,
    )
    const where = `${found.where}${retention(change, 't', parameters, now)}`
    const noted = noting(target, subjects, parameters)
    const update = `u AS (UPDATE ${nameOf(target.table)} AS t SET ${assignments.join(', ')}
      FROM ${found.from} WHERE ${where} RETURNING s.ord${noted?.returning ?? ''})`
    const steps = [update, ...(noted ? [noted.step] : [])].join(', ')
    const text = `WITH ${steps} ${byCount('SELECT ord, count(*)::int4 AS rows FROM u GROUP BY ord')}`
    return [{ text, values: parameters.values }]
  })
}

/** What `set:` and `json:` put into each column of row `t`. */
export function redactions(target: Target, parameters: Parameters): { name: string; sql: string }[] {
  const { set = {}, json = {} } = target.element
  const values = Object.entries(set).map(([name, value]) => ({
    name,
    sql: replaced(target, name, value, parameters),
  }))
  for (const [name, paths] of Object.entries(json)) {
    const column = target.table.columns.get(name)
    const cell = `t.${quote(name)}`
    const removed = paths.reduce(
      (expression, path) => `(${expression} #- ${parameters.add(path.split('.'))}::text[])`,
      `${cell}::jsonb`,
    )
    // Nothing can be removed from a scalar; the server would refuse to try.
    const sql = `CASE WHEN jsonb_typeof(${cell}::jsonb) IN ('object', 'array') THEN ${removed}::${column?.type} ELSE ${cell} END`
    values.push({ name, sql })
  }
  return values
}

function replaced(target: Target, name: string, value: Replacement, parameters: Parameters): string {
  const column = target.table.columns.get(name) as Column
  if (value === null) return 'NULL'
  if (typeof value === 'object') return randomValue(column, value.random)
  return `${parameters.add(String(value))}::text::${column.type}`
}

/** A fresh value per row: nothing leads from it to the person, and unique columns stay unique. */
function randomValue(column: Column, kind: 'email' | 'uuid' | 'text' | 'int'): string {
  const hex = `replace(gen_random_uuid()::text, '-', '')`
  const limit = column.maxLength
  if (kind === 'uuid') return column.base === 'uuid' ? 'gen_random_uuid()' : 'gen_random_uuid()::text'
  if (kind === 'email')
    return `${cut(`'erased-' || ${hex}`, limit === null ? null : limit - 15)} || '@erased.invalid'`
  if (kind === 'text') return cut(`'erased-' || ${hex}`, limit)
  const largest = { int2: '32767', int4: '2147483647' }[column.base] ?? '9007199254740991'
  return `(-1 - floor(random() * ${largest}))::${column.type}`
}

function cut(expression: string, limit: number | null): string {
  return limit === null || limit >= 39 ? `(${expression})` : `left(${expression}, ${Math.max(limit, 0)})`
}

function retention(change: Change, row: string, parameters: Parameters, now: number): string {
  if (change.rows === 'any') return ''
  const running = stillRetained(change.target, row, parameters, now)
  return change.rows === 'running' ? ` AND ${running}` : ` AND NOT ${running}`
}

/** A row without the date its retention counts from stays retained: deleting it could break the law. */
function stillRetained(target: Target, row: string, parameters: Parameters, now: number): string {
  if (!target.element.retain?.until) return 'true'
  const end = retainedUntil(target, row, parameters)
  return `coalesce(${end} > to_timestamp(${parameters.add(now)}::float8 / 1000.0), true)`
}

function retainedUntil(target: Target, row: string, parameters: Parameters): string {
  const until = target.element.retain?.until
  if (!until) return 'NULL::timestamptz'
  const [time = '', column] = until.split(' from ')
  if (!column) return `${parameters.add(time)}::timestamptz`
  return `(${row}.${quote(column)} + ${parameters.add(time)}::interval)::timestamptz`
}
