import type { Identifier, ImportLine } from '@lethe/client'

/** A line of the file that is no person as it stands; says which rule, never what stands there. */
export interface Unreadable {
  readonly line: number
  readonly code: string
  readonly detail: string
}

type Read = ImportLine | Unreadable | null
/** What a column holds: a tenant, a date, systems, or an identifier of its type. */
type Cells = Readonly<Record<string, readonly string[]>>

const IDENTIFIER = /^(user_id|email|phone|vendor:[a-z0-9_-]{1,40})$/
const OTHERS = ['tenant', 'erased_at', 'systems']
const SYSTEM = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const DAY = /^\d{4}-\d{2}-\d{2}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/
const DAY_MS = 86_400_000
/** Longer is no line but a file of another kind. */
export const MAX_LINE = 100_000

export interface LineOptions {
  /** Of lines that name none. */
  readonly tenant: string | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Reads line after line of a CSV file with a header, or of NDJSON; which of the two the first line says. Blank lines
 * are nobody. Give the lines in order.
 */
export class LineReader {
  private columns: readonly string[] | null = null
  private kind: 'csv' | 'ndjson' | null = null
  private at = 0

  constructor(private readonly options: LineOptions) {}

  /** @throws Error for a header that names no one: then nothing of the file can be read */
  read(text: string): Read {
    this.at++
    const line = this.at === 1 ? text.replace(/^\uFEFF/, '') : text
    if (line.trim() === '') return null
    if (line.length > MAX_LINE) return this.bad('invalid_line', 'is longer than 100,000 characters')
    this.kind ??= line.trimStart().startsWith('{') ? 'ndjson' : 'csv'
    if (this.kind === 'csv' && this.columns === null) {
      this.columns = headerOf(line)
      return null
    }
    const cells = this.kind === 'csv' ? this.fromCsv(line) : this.fromJson(line)
    return 'detail' in cells ? (cells as Unreadable) : this.person(cells as Cells)
  }

  private fromCsv(line: string): Cells | Unreadable {
    const fields = fieldsOf(line)
    const columns = this.columns ?? []
    if (fields === null) return this.bad('invalid_line', 'has a quote that is not closed, or text behind one')
    if (fields.length !== columns.length)
      return this.bad('invalid_line', `has ${fields.length} fields, the header has ${columns.length}`)
    const cells: Record<string, string[]> = {}
    columns.forEach((column, at) => {
      const value = (fields[at] ?? '').trim()
      if (value === '') return
      const values = column === 'systems' ? value.split(/[\s;]+/).filter((one) => one !== '') : [value]
      cells[column] = [...(cells[column] ?? []), ...values]
    })
    return cells
  }

  private fromJson(line: string): Cells | Unreadable {
    let given: unknown
    try {
      given = JSON.parse(line)
    } catch {
      // The parser would quote the line.
      return this.bad('invalid_line', 'is no JSON')
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return this.bad('invalid_line', 'is no JSON object')
    const cells: Record<string, string[]> = {}
    for (const [name, value] of Object.entries(given)) {
      if (!isColumn(name)) return this.bad('invalid_line', `has a field that is none of ${COLUMNS}`)
      const values = Array.isArray(value) ? value : [value]
      if (!values.every((one) => typeof one === 'string'))
        return this.bad('invalid_line', `${name} must be a string, or an array of strings`)
      cells[name] = values as string[]
    }
    return cells
  }

  private person(cells: Cells): ImportLine | Unreadable {
    const tenantId = cells.tenant?.[0] ?? this.options.tenant
    if (tenantId === undefined)
      return this.bad('unknown_tenant', 'has no tenant; add the column, or --tenant')
    if (!TENANT.test(tenantId)) return this.bad('unknown_tenant', 'names a tenant that can not exist')
    const erasedAt = momentOf(cells.erased_at?.[0] ?? '', this.options.now)
    if (erasedAt === null)
      return this.bad('invalid_date', 'erased_at must be a day or an instant such as 2024-05-31T10:00:00Z')
    const identifiers = Object.entries(cells).flatMap(([type, values]) =>
      IDENTIFIER.test(type) ? values.map((value) => ({ type, value }) as Identifier) : [],
    )
    if (identifiers.length === 0) return this.bad('no_identifier', 'has no identifier')
    if (identifiers.length > 20) return this.bad('invalid_line', 'has more than 20 identifiers')
    if (identifiers.some(({ value }) => value === '' || value.length > 512))
      return this.bad('invalid_identifier', 'has an identifier that is empty or too long')
    const { systems } = cells
    if (systems?.some((name) => !SYSTEM.test(name)))
      return this.bad('unknown_system', 'names a system that can not exist; systems are separated by spaces')
    const named = systems && systems.length > 0 ? { systems } : {}
    return { line: this.at, tenantId, identifiers, erasedAt, ...named }
  }

  private bad(code: string, detail: string): Unreadable {
    return { line: this.at, code, detail }
  }
}

const COLUMNS = `${OTHERS.join(', ')}, user_id, email, phone, vendor:<name>`
const isColumn = (name: string): boolean => OTHERS.includes(name) || IDENTIFIER.test(name)

/** @throws Error that names the place of a wrong column, not what stands there: a file without a header starts with a person */
function headerOf(line: string): string[] {
  const columns = (fieldsOf(line) ?? []).map((column) => column.trim().toLowerCase())
  const wrong = columns.findIndex((column) => !isColumn(column))
  if (wrong >= 0 || columns.length === 0)
    throw new Error(`line 1, column ${wrong + 1}: the first line names the columns, which are ${COLUMNS}`)
  if (!columns.includes('erased_at')) throw new Error('line 1: there is no column erased_at')
  return columns
}

/** RFC 4180, one record to a line; null where a quote is not closed or something follows one. */
function fieldsOf(line: string): string[] | null {
  const fields: string[] = []
  for (let at = 0; ; ) {
    if (line[at] === '"') {
      let value = ''
      for (at++; ; at++) {
        if (at >= line.length) return null
        if (line[at] === '"') {
          if (line[at + 1] !== '"') break
          at++
        }
        value += line[at]
      }
      at++
      fields.push(value)
      if (at < line.length && line[at] !== ',') return null
    } else {
      const end = line.indexOf(',', at)
      const value = end < 0 ? line.slice(at) : line.slice(at, end)
      if (value.includes('"')) return null
      fields.push(value)
      at = end < 0 ? line.length : end
    }
    if (at >= line.length) return fields
    at++
    if (at === line.length) return [...fields, '']
  }
}

/** A day counts to its end, in UTC: whoever was there on it was meant. Null for what is no date of this calendar. */
function momentOf(text: string, now: number): number | null {
  const day = DAY.test(text)
  if (!day && !INSTANT.test(text)) return null
  const moment = Date.parse(day ? `${text}T00:00:00Z` : text)
  if (!Number.isFinite(moment)) return null
  if (!day) return moment
  // 2024-02-30 would be read as another day.
  if (new Date(moment).toISOString().slice(0, 10) !== text) return null
  return moment <= now ? Math.min(now, moment + DAY_MS - 1) : moment
}
