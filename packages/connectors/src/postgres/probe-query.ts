import type { TenantRule } from '@lethe/eraser-kit'
import type { PostgresSystem } from './grammar.js'
import type { Look } from './probe-looks.js'
import { isText, type Sought } from './probe-people.js'
import { type ProbeColumn, type ProbeTable, type Shape, tableCalled } from './probe-shape.js'

/** The probe's own query builder: one exact count per table over all its looks. */
export class ProbeQuery {
  private readonly values: unknown[] = []
  private readonly selects: string[] = []

  constructor(
    private readonly shape: Shape,
    private readonly system: PostgresSystem,
    private readonly tenant: TenantRule,
    private readonly now: number,
  ) {}

  /** Adds a look for everybody who has a value the column could hold. */
  add(look: Look, sought: Sought): void {
    const tenantName = 'column' in this.tenant ? this.tenant.column : null
    const own =
      tenantName === null ? undefined : look.table.columns.find((column) => column.name === tenantName)
    const wanted = sought.by(look, own)
    if (wanted === null) return
    const text = isText(look.column)
    const tenantType = own && !isText(own) ? own.base : 'text'
    const arrays = [
      ['value', `${this.bind(wanted.values)}::${text ? 'text' : look.column.base}[]`],
      ...(wanted.places === null ? [] : [['ord', `${this.bind(wanted.places)}::int4[]`]]),
      ...(tenantName === null ? [] : [['tenant', `${this.bind(wanted.tenants())}::${tenantType}[]`]]),
      ...(look.createdAt ? [['at', `${this.bind(wanted.receivedAt())}::float8[]`]] : []),
    ]
    const given = `unnest(${arrays.map(([, array]) => array).join(', ')})`
    const named = arrays.map(([column]) => column).join(', ')
    const people =
      wanted.places === null
        ? `SELECT *, (n - 1)::int4 AS ord FROM ${given} WITH ORDINALITY AS g(${named}, n)`
        : `SELECT * FROM ${given} AS g(${named})`
    // Neighbours in an index are looked up together: a third of the server's work where people are spread over a table.
    const who = `(${people} ORDER BY ${text ? 'value COLLATE "C"' : 'value'}) AS w`
    const cell = `${look.via ? 'h' : 'r'}.${name(look.column.name)}`
    const conditions = [
      look.type === 'email' && text ? `lower(${cell}::text COLLATE "C") = w.value` : `${cell} = w.value`,
    ]
    if (look.mention) conditions[0] = 'm.handle[1] = w.value'
    if (look.via)
      for (const [child, parent] of look.via.columns) conditions.push(`h.${name(parent)} = r.${name(child)}`)
    if (own) conditions.push(`r.${name(own.name)} = w.tenant`)
    else if (tenantName !== null) conditions.push(...this.someoneElses(look, cell, tenantName))
    if (look.createdAt)
      conditions.push(
        `(r.${name(look.createdAt)} <= to_timestamp(w.at / 1000) OR r.${name(look.createdAt)} IS NULL)`,
      )
    for (const element of look.retained) conditions.push(`NOT ${this.running(element.retain?.until)}`)
    if (look.content) conditions.push(this.unredacted(look))
    const relations = [
      `${full(look.table)} AS r`,
      ...(look.via ? [`${full(look.holder)} AS h`] : []),
      ...(look.mention ? [`regexp_matches(${cell}, ${MENTION}, 'g') AS m(handle)`] : []),
      who,
    ]
    this.selects.push(
      `SELECT w.ord, r.tableoid AS t, r.ctid AS c, ${undated(look)} AS u FROM ${relations.join(', ')} WHERE ${conditions.join(' AND ')}`,
    )
  }

  /** Columns: ord, matches, undated. Null when nothing could match. A row another look leads to as well is not undated. */
  build(): { text: string; values: unknown[] } | null {
    if (this.selects.length === 0) return null
    const rows = `SELECT ord, bool_and(u) AS u FROM (${this.selects.join(' UNION ALL ')}) AS seen GROUP BY ord, t, c`
    const text = `SELECT ord, count(*)::int4 AS matches, count(*) FILTER (WHERE u)::int4 AS undated FROM (${rows}) AS one GROUP BY ord`
    return { text, values: this.values }
  }

  /**
   * A row without a tenant counts unless it is provably another tenant's: its key leads to their row, or
   * the key is unique over all tenants and theirs.
   */
  private someoneElses(look: Look, cell: string, tenantName: string): string[] {
    const places = this.shape.keys
      .filter(
        (key) =>
          key.child === look.holder.oid &&
          key.columns.length === 1 &&
          key.columns[0]?.[0] === look.column.name,
      )
      .map((key) => ({
        table: this.shape.tables.find((one) => one.oid === key.parent),
        column: key.columns[0]?.[1] ?? '',
      }))
    const path = this.system.resolves?.[look.type]
    if (path) {
      const cut = path.lastIndexOf('.')
      const table = tableCalled(this.shape, path.slice(0, cut))
      if (table?.unique.includes(path.slice(cut + 1))) places.push({ table, column: path.slice(cut + 1) })
    }
    return places.flatMap(({ table, column }) =>
      table?.columns.some((one) => one.name === tenantName) && sameType(table, column, look.column)
        ? [
            `NOT EXISTS (SELECT 1 FROM ${full(table)} o WHERE o.${name(column)} = ${cell} AND o.${name(tenantName)}::text <> w.tenant::text)`,
          ]
        : [],
    )
  }

  private running(until: string | undefined): string {
    if (!until) return 'true'
    const moment = `to_timestamp(${this.bind(this.now)}::float8 / 1000)`
    const words = until.split(' ')
    if (words.length === 1) return `(${this.bind(until)}::timestamptz > ${moment})`
    return `coalesce(r.${name(words[2] ?? '')} + ${this.bind(words[0])}::interval > ${moment}, true)`
  }

  private unredacted({ content }: Look): string {
    const signs: string[] = []
    for (const [column, value] of Object.entries(content?.set ?? {})) {
      const cell = `r.${name(column)}::text`
      if (value === null) signs.push(`${cell} IS NOT NULL`)
      else if (typeof value !== 'object')
        signs.push(`coalesce(${cell}, '') <> ${this.bind(String(value))}::text`)
      else if (value.random === 'email') signs.push(`coalesce(${cell}, '') !~ '@erased[.]invalid$'`)
      else if (value.random === 'text') signs.push(`coalesce(${cell}, '') !~ '^erased-'`)
    }
    for (const [column, paths] of Object.entries(content?.json ?? {}))
      for (const path of paths)
        signs.push(`r.${name(column)}::jsonb #>> ${this.bind(path.split('.'))}::text[] IS NOT NULL`)
    return signs.length > 0 ? `(${signs.join(' OR ')})` : 'false'
  }

  private bind(value: unknown): string {
    return `$${this.values.push(value)}`
  }
}

/** Whether nothing says that a row is of before the request. */
function undated({ takenAlong, mention, createdAt }: Look): string {
  if (!takenAlong || mention) return 'false'
  return createdAt ? `r.${name(createdAt)} IS NULL` : 'true'
}

function name(text: string): string {
  return `"${text.split('"').join('""')}"`
}

function full(table: ProbeTable): string {
  return `${name(table.schema)}.${name(table.name)}`
}

function sameType(table: ProbeTable, column: string, other: ProbeColumn): boolean {
  return table.columns.some(
    (one) => one.name === column && (one.base === other.base || (isText(one) && isText(other))),
  )
}

/** An @handle as a reader sees it: a whole word, not the end of an e-mail address. */
const MENTION = `'(?<![[:alnum:]_.+-])@([[:alnum:]_]+(?:[.-]+[[:alnum:]_]+)*)'`
