import type { Finding } from '@lethe/eraser-kit'
import { type ClientBase, escapeLiteral } from 'pg'
import type { Constraints, Key } from './constraints.js'
import { failureOf } from './errors.js'
import { nameOf } from './selector.js'
import { Parameters, quote } from './sql.js'
import { redactions } from './statements.js'
import type { Target } from './targets.js'

/** Rows looked at where a constraint also reads columns that stay as they are. */
export const ROWS = 10_000
/** Fresh values tried against each constraint. */
export const SAMPLES = 32
/** Longest one proof may take, in milliseconds; a proof cut short is a warning, never a pass. */
const PROOF_MS = 5_000

/** What becomes of a column; `repointed` is the key of the shared row, which is not known before it exists. */
export interface Change {
  readonly kind: 'null' | 'constant' | 'random' | 'document' | 'repointed'
  /** The expression an erasure would assign, for row `t`. */
  readonly sql: string
}

/** One element's replacements, and a read-only way to ask the server about them. */
export class Ground {
  readonly findings: Finding[] = []
  private readonly all: Map<string, Change>

  constructor(
    private readonly db: ClientBase,
    readonly target: Target,
    readonly constraints: Constraints & { readonly pointedTo: readonly Key[] },
  ) {
    this.all = changesOf(target)
  }

  get changes(): ReadonlyMap<string, Change> {
    return this.all
  }

  /** A replacement that does not fit its own column says nothing about the constraints around it. */
  leaveOut(column: string): void {
    this.all.delete(column)
  }

  report(column: string, code: string, message: string, level: Finding['level'] = 'error'): void {
    const { index, collection, element } = this.target
    const part = column in (element.json ?? {}) ? 'json' : column in (element.set ?? {}) ? 'set' : null
    const path = ['elements', index, ...(part ? [part, column] : [])]
    this.findings.push({ level, code, where: `${collection}.${column}`, message, path })
  }

  /** What could not be shown, and is no reason to refuse the map. */
  unproven(column: string, what: string, code?: string): void {
    const message = `${what} also depends on what stays in the row: it holds today, and is not proven for every row${code ? ` (${code})` : ''}.`
    this.report(column, 'replacement_unproven', message, 'warning')
  }

  touched(columns: readonly string[]): string[] {
    return columns.filter((name) => this.changes.has(name))
  }

  kinds(columns: readonly string[]): (Change['kind'] | undefined)[] {
    return columns.map((name) => this.changes.get(name)?.kind)
  }

  typeOf(column: string): string {
    return this.constraints.types.get(column) ?? this.target.table.columns.get(column)?.type ?? 'text'
  }

  /** Rows of fresh replacements, nothing but the replaced columns. As a relation named like the table. */
  fresh(): string {
    const cells = [...this.changes].flatMap(([name, { kind, sql }]) =>
      kind === 'repointed' || kind === 'document' ? [] : [this.cell(name, sql)],
    )
    return this.named(`SELECT ${cells.join(', ')} FROM generate_series(1, ${SAMPLES})`)
  }

  /** Rows of the table as they would be after the redaction. */
  redacted(): string {
    const { table, via, by } = this.target
    const cells = [...table.columns.keys()].map((name) => {
      const change = this.changes.get(name)
      return this.cell(name, change && change.kind !== 'repointed' ? change.sql : `t.${quote(name)}`)
    })
    const somebodys = via ? '' : ` WHERE t.${quote(by.name)} IS NOT NULL`
    return this.named(`SELECT ${cells.join(', ')} FROM ${nameOf(table)} AS t${somebodys} LIMIT ${ROWS}`)
  }

  private cell(name: string, sql: string): string {
    return `(${sql})::${this.typeOf(name)} AS ${quote(name)}`
  }

  /** The server prints constraints with bare column names, or with the table's own name. */
  named(relation: string): string {
    return `(${relation}) AS ${quote(this.target.table.name)}`
  }

  ask(text: string): Promise<Answer> {
    return ask(this.db, text)
  }
}

export type Answer =
  | { readonly ok: true; readonly rows: number }
  | { readonly ok: false; readonly code: string }

/** Asks for one number inside an open transaction, which goes on whatever the answer is. */
export async function ask(db: ClientBase, text: string): Promise<Answer> {
  await db.query(`SAVEPOINT proof; SET LOCAL statement_timeout = ${PROOF_MS}`)
  try {
    const { rows } = await db.query<{ n: string }>(`SELECT (${text})::text AS n`)
    await db.query('RELEASE SAVEPOINT proof')
    return { ok: true, rows: Number(rows[0]?.n ?? 0) }
  } catch (error) {
    await db.query('ROLLBACK TO SAVEPOINT proof; RELEASE SAVEPOINT proof')
    return { ok: false, code: failureOf(error).code }
  }
}

/** Literals of the data map instead of parameters: one expression stands in many statements here. */
export class Literals extends Parameters {
  override add(value: unknown): string {
    if (Array.isArray(value)) return `ARRAY[${value.map((one) => escapeLiteral(String(one))).join(', ')}]`
    return escapeLiteral(String(value))
  }
}

function changesOf(target: Target): Map<string, Change> {
  const { set = {}, json = {}, method } = target.element
  const changes = new Map<string, Change>()
  if (method === 'detach')
    for (const name of target.reference?.childColumns ?? [])
      if (name !== target.tenant?.column.name) changes.set(name, { kind: 'repointed', sql: 'NULL' })
  for (const { name, sql } of redactions(target, new Literals())) {
    const value = set[name]
    const kind =
      name in json ? 'document' : value === null ? 'null' : typeof value === 'object' ? 'random' : 'constant'
    changes.set(name, { kind, sql })
  }
  return changes
}
