import type { Outcome } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { retainedStatement } from './statements.js'
import type { Subjects } from './subjects.js'
import type { Target } from './targets.js'

type Part = NonNullable<Outcome['retained']>[number]
interface Kept {
  readonly target: Target
  readonly rows: number
  readonly until: number | null
}

/** Rows a law keeps, per subject: counted before anything is changed. */
export class RetainedParts {
  private readonly kept = new Map<number, Kept[]>()

  static async read(
    db: ClientBase,
    targets: readonly Target[],
    subjects: Subjects,
    now: number,
  ): Promise<RetainedParts> {
    const parts = new RetainedParts()
    for (const target of targets) {
      const statement = target.element.retain ? retainedStatement(target, subjects, now) : null
      if (!statement) continue
      const { rows } = await db.query<{ ord: number; rows: number; until: number | null }>(statement)
      for (const row of rows) parts.add(row.ord, { target, rows: row.rows, until: row.until })
    }
    return parts
  }

  private add(ord: number, kept: Kept): void {
    this.kept.set(ord, [...(this.kept.get(ord) ?? []), kept])
  }

  has(ord: number): boolean {
    return this.kept.has(ord)
  }

  rows(ord: number, collection: string): number {
    const kept = this.kept.get(ord) ?? []
    return kept.reduce((sum, { target, rows }) => sum + (target.collection === collection ? rows : 0), 0)
  }

  parts(ord: number): Part[] {
    return (this.kept.get(ord) ?? []).map(({ target, until }) => ({
      category: target.element.category ?? target.collection,
      ground: target.element.retain?.ground ?? '',
      citation: target.element.retain?.citation ?? '',
      until: until === null ? null : Math.ceil(until),
    }))
  }
}
