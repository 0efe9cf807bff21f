import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase, QueryResult } from 'pg'
import type { Reference } from './catalogue.js'
import { type Compiled, referencesTo } from './database.js'
import { type ErrorClass, failureOf, isOurs } from './errors.js'
import { maskStatement } from './mentions.js'
import type { Change, Group } from './order.js'
import { ownerlessStatement, reassignStatement } from './reassign.js'
import { Parameters } from './sql.js'
import { blockedStatement, deleteStatement, type Statement, updateStatements } from './statements.js'
import { objectsOf, ordsOf, type Subjects, type Wanted } from './subjects.js'
import { type CountedOrds, Tally } from './tally.js'

export interface Refusal {
  readonly code: string
  readonly errorClass: ErrorClass
}

/** Some subjects can't be erased as things are; the others can. */
class Blocked extends Error {
  constructor(
    readonly ords: readonly number[],
    readonly refusal: Refusal,
  ) {
    super(refusal.code)
  }
}

/** Values detach repoints to, per element and tenant: prepared before the first savepoint. */
export type Repointed = ReadonlyMap<string, Readonly<Record<string, string>>>

export interface Limits {
  readonly ceiling: number | null
  readonly waived: ReadonlySet<number>
  readonly now: number
}

/**
 * Applies the plan to many subjects at once inside an open transaction. Whoever can't be erased is found
 * by asking (rows that point to theirs) or by halving, and refused alone; the others' changes stay.
 */
export class Bisection {
  readonly erased = new Tally()
  readonly redacted = new Tally()
  readonly done = new Set<number>()
  readonly refused = new Map<number, Refusal>()

  constructor(
    private readonly db: ClientBase,
    private readonly compiled: Compiled,
    private readonly repointed: Repointed,
    private readonly limits: Limits,
  ) {}

  async run(subjects: readonly Wanted[]): Promise<void> {
    await this.settle(subjects)
    if (this.done.size === 0) return
    // Who was blocked by rows of someone erased after them is free now: one second look, not more.
    const again = subjects.filter(({ ord }) => REFERENCED.has(this.refused.get(ord)?.code ?? ''))
    if (again.length > 0) await this.settle(again)
  }

  /**
   * Everybody in one go. Where in the log that was written; null when somebody stands in the way: then the transaction
   * is to be rolled back.
   */
  async together(subjects: Subjects): Promise<string | null> {
    try {
      const { erased, redacted } = await this.apply(subjects)
      const told = (await this.db.query(
        'SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; SELECT pg_current_wal_insert_lsn()::text AS lsn',
      )) as unknown as readonly QueryResult<{ lsn: string }>[]
      this.erased.addAll(erased)
      this.redacted.addAll(redacted)
      return told.at(-1)?.rows[0]?.lsn ?? ''
    } catch (error) {
      if (error instanceof Blocked || (!isOurs(error) && failureOf(error).scope === 'row')) return null
      throw error
    }
  }

  private async settle(subjects: readonly Wanted[]): Promise<void> {
    let left = subjects
    while (left.length > 0) {
      const failure = await this.attempt(left)
      if (failure === null) return
      if (failure instanceof Blocked) {
        for (const ord of failure.ords) this.refused.set(ord, failure.refusal)
        const blocked = new Set(failure.ords)
        left = left.filter(({ ord }) => !blocked.has(ord))
        continue
      }
      const [only] = left
      if (only !== undefined && left.length === 1) {
        this.refused.set(only.ord, failure)
        return
      }
      const half = Math.ceil(left.length / 2)
      await this.settle(left.slice(0, half))
      left = left.slice(half)
    }
  }

  /** Null when everything was applied; else nothing was. Throws what no subject's data can cause. */
  private async attempt(subjects: readonly Wanted[]): Promise<Blocked | Refusal | null> {
    await this.db.query('SAVEPOINT lethe_part')
    try {
      const { erased, redacted } = await this.apply(subjects)
      await this.db.query(
        'SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT lethe_part',
      )
      this.erased.addAll(erased)
      this.redacted.addAll(redacted)
      for (const { ord } of subjects) {
        this.done.add(ord)
        this.refused.delete(ord)
      }
      return null
    } catch (error) {
      if (!(error instanceof Blocked) && (isOurs(error) || failureOf(error).scope !== 'row')) throw error
      await this.db.query('ROLLBACK TO SAVEPOINT lethe_part; RELEASE SAVEPOINT lethe_part')
      return error instanceof Blocked ? error : failureOf(error)
    }
  }

  private async apply(subjects: Subjects): Promise<{ erased: Tally; redacted: Tally }> {
    const [erased, redacted] = [new Tally(), new Tally()]
    for (const group of this.compiled.groups) {
      for (const change of group) {
        if (change.operation !== 'delete') await this.update(change, subjects, redacted)
      }
      const deletes = group.filter((change) => change.operation === 'delete')
      await this.refuseBlocked(deletes, subjects)
      const statement = deleteStatement(deletes, subjects, this.limits.now)
      for (const row of await this.rows<CountedOrds & { change: number }>(statement))
        erased.addEach(deletes[row.change]?.target.collection ?? '', [row])
    }
    const { ceiling, waived } = this.limits
    if (ceiling === null) return { erased, redacted }
    const isOver = (ord: number) => !waived.has(ord) && erased.total(ord) + redacted.total(ord) > ceiling
    const over = ordsOf(subjects).filter(isOver)
    if (over.length > 0) throw new Blocked(over, OVER_CEILING)
    return { erased, redacted }
  }

  private async update(change: Change, subjects: Subjects, redacted: Tally): Promise<void> {
    if (change.operation === 'mask') return this.mask(change, subjects, redacted)
    if (change.operation === 'reassign') return this.reassign(change, subjects, redacted)
    const parts =
      change.operation === 'detach'
        ? byTenant(objectsOf(subjects))
        : new Map<string, Subjects>([['', subjects]])
    for (const [tenantId, members] of parts) {
      const values = change.operation === 'detach' ? this.repointed.get(repointedKey(change, tenantId)) : null
      if (values === undefined) continue
      for (const statement of updateStatements(change, members, this.limits.now, values))
        redacted.addEach(change.target.collection, await this.rows<CountedOrds>(statement))
    }
  }

  private async reassign(change: Change, subjects: Subjects, redacted: Tally): Promise<void> {
    const ownerless = await this.rows<{ ord: number }>(ownerlessStatement(change.target, subjects))
    if (ownerless.length > 0)
      throw new Blocked(
        ownerless.map((row) => row.ord),
        { code: 'nobody_takes_over', errorClass: 'terminal' },
      )
    for (const row of await this.rows<{ ord: number; rows: number }>(
      reassignStatement(change.target, subjects),
    ))
      redacted.add(row.ord, change.target.collection, row.rows)
  }

  private async mask({ target }: Change, subjects: Subjects, redacted: Tally): Promise<void> {
    const parameters = new Parameters()
    const text = target.mention && maskStatement(target.mention, subjects, parameters)
    if (!text) return
    // A text names each person of the batch at most once more.
    for (let round = 0, most = ordsOf(subjects).length; round <= most; round++) {
      const rows = await this.rows<{ ord: number; rows: number }>({ text, values: parameters.values })
      for (const row of rows) redacted.add(row.ord, target.collection, row.rows)
      if (rows.length === 0) return
    }
  }

  /** The schema's own ON DELETE rules must not touch rows the data map says nothing of. */
  private async refuseBlocked(deletes: Group, subjects: Subjects): Promise<void> {
    const { catalogue, targets } = this.compiled.plan
    for (const change of deletes) {
      for (const key of referencesTo(catalogue, change.target.table.oid)) {
        const child = catalogue.tables.get(key.child)
        const mapped = targets.some((target) => target.table.oid === key.child)
        if (!child || (mapped && ['n', 'd'].includes(key.onDelete))) continue
        if (!child.rights.select) {
          if (['a', 'r'].includes(key.onDelete)) continue
          throw blind(child.name, key)
        }
        const statement = blockedStatement(change, key, child, deletes, subjects, this.limits.now)
        const rows = await this.rows<{ ord: number }>(statement)
        if (rows.length > 0)
          throw new Blocked(
            rows.map((row) => row.ord),
            { code: codeOf(key), errorClass: 'terminal' },
          )
      }
    }
  }

  private async rows<Row extends object>(statement: Statement | null): Promise<Row[]> {
    return statement ? (await this.db.query<Row>(statement)).rows : []
  }
}

export const OVER_CEILING: Refusal = { code: 'over_ceiling', errorClass: 'paused' }
const REFERENCED = new Set(['referenced_elsewhere', 'cascade_outside_map', 'reference_outside_map'])

export function repointedKey(change: Change, tenantId: string): string {
  return `${change.target.index}:${tenantId}`
}

export function byTenant(subjects: readonly Wanted[]): Map<string, Wanted[]> {
  const tenants = new Map<string, Wanted[]>()
  for (const subject of subjects) {
    tenants.set(subject.tenantId, [...(tenants.get(subject.tenantId) ?? []), subject])
  }
  return tenants
}

function codeOf(key: Reference): string {
  if (key.onDelete === 'c') return 'cascade_outside_map'
  return key.onDelete === 'n' || key.onDelete === 'd' ? 'reference_outside_map' : 'referenced_elsewhere'
}

function blind(child: string, key: Reference): TerminalError {
  return new TerminalError(
    'missing_rights',
    `Deleting would change ${child} through constraint ${key.name}, and the role may not read ${child}: grant SELECT or map it.`,
  )
}
