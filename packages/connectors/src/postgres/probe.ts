import type { ProbeFinding, ProbeSession, Subject } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase, Pool } from 'pg'
import { connect, openPool, type PostgresContext } from './database.js'
import { crossing, failureOf, isOurs } from './errors.js'
import { type Look, looksFor } from './probe-looks.js'
import { ProbeQuery } from './probe-query.js'
import { readShape, type Shape, tableCalled } from './probe-shape.js'

/** Longest one table's count may take, in milliseconds. */
const COUNT_MS = 120_000

/**
 * Opens the looking side, with read-only credentials. Throws a TerminalError when row-level security would
 * filter a mapped table: nobody can say "clean" of rows they can't see.
 */
export async function openProbe(context: PostgresContext): Promise<ProbeSession> {
  const pool = openPool(context.options, `lethe probe ${context.systemId}`)
  try {
    const obstacle = await snapshot(pool, async (db) => obstacleIn(await readShape(db), context))
    if (obstacle)
      throw new TerminalError(obstacle, `The probe can't see every row of ${context.systemId} (${obstacle}).`)
  } catch (error) {
    await pool.end()
    throw crossing(error, 'open the probe')
  }
  return {
    probe: async (subjects) => {
      try {
        return await snapshot(pool, (db) => look(db, context, subjects))
      } catch (error) {
        const { code } = failureOf(error)
        if (!isOurs(error) && BLIND.has(code)) return subjects.map(() => inconclusive(code))
        throw crossing(error, 'probe')
      }
    },
    close: () => pool.end(),
  }
}

/** Failures that leave the answer open; everything else is thrown. */
const BLIND = new Set(['timeout', 'missing_rights', 'rls_active', 'missing_table', 'missing_column'])

async function look(
  db: ClientBase,
  context: PostgresContext,
  subjects: readonly Subject[],
): Promise<ProbeFinding[]> {
  const { rows } = await db.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
  // A standby may lag behind the erasure, and it may lag behind what was written after it.
  if (rows[0]?.standby !== false) return subjects.map(() => inconclusive('standby'))
  const position = await db.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const shape = await readShape(db)
  const obstacle = obstacleIn(shape, context)
  if (obstacle) return subjects.map(() => inconclusive(obstacle))
  const types = [...new Set(subjects.flatMap((subject) => subject.identifiers.map(({ type }) => type)))]
  const looks = looksFor(shape, context, types)
  const hidden = looks.find(({ table, holder }) =>
    [table, holder].some((one) => one.filtered || !one.readable),
  )
  if (hidden)
    return subjects.map(() => inconclusive(hidden.table.filtered ? 'rls_active' : 'unreadable_table'))
  const { residual, undated } = await count(db, context, shape, looks, subjects)
  const lsn = position.rows[0]?.lsn
  return subjects.map((subject, ord) =>
    finding(context, subject, { residual: residual[ord] ?? {}, undated: undated[ord] ?? {} }, lsn),
  )
}

async function count(
  db: ClientBase,
  { system, tenant }: PostgresContext,
  shape: Shape,
  looks: readonly Look[],
  subjects: readonly Subject[],
): Promise<{ residual: Record<string, number>[]; undated: Record<string, number>[] }> {
  const collections = [
    ...new Set([...system.elements.map((element) => element.table), ...looks.map((one) => one.collection)]),
  ]
  const residual = subjects.map(() => Object.fromEntries(collections.map((collection) => [collection, 0])))
  const undated: Record<string, number>[] = subjects.map(() => ({}))
  for (const collection of collections) {
    const query = new ProbeQuery(shape, system, tenant, Date.now())
    for (const one of looks) if (one.collection === collection) query.add(one, subjects)
    const statement = query.build()
    if (!statement) continue
    const { rows } = await db.query<{ ord: number; matches: number; undated: number }>(statement)
    for (const row of rows) {
      const mine = residual[row.ord]
      if (mine) mine[collection] = row.matches
      const others = undated[row.ord]
      if (others && row.undated > 0) others[collection] = row.undated
    }
  }
  return { residual, undated }
}

function finding(
  { tenant }: PostgresContext,
  subject: Subject,
  { residual, undated }: { residual: Record<string, number>; undated: Record<string, number> },
  position: string | undefined,
): ProbeFinding {
  if ('constant' in tenant && tenant.constant !== subject.tenantId) return inconclusive('unknown_tenant')
  if (subject.identifiers.length === 0) return inconclusive('no_identifier')
  const found = Object.values(residual).some((matches) => matches > 0)
  const open = Object.keys(undated).length > 0 ? { undated } : {}
  return { result: found ? 'residual' : 'clean', residual, ...open, ...(position ? { position } : {}) }
}

function inconclusive(reasonCode: string): ProbeFinding {
  return { result: 'inconclusive', residual: {}, reasonCode }
}

/** Why the mapped tables can't be looked at completely, or null. */
function obstacleIn(shape: Shape, { system }: PostgresContext): string | null {
  const names = system.elements.flatMap((element) =>
    element.via ? [element.table, element.via] : [element.table],
  )
  for (const name of names) {
    const table = tableCalled(shape, name)
    if (!table) return 'missing_table'
    if (table.kind !== 'r' && table.kind !== 'p') return 'not_a_table'
    if (table.filtered) return 'rls_active'
    if (!table.readable) return 'missing_rights'
  }
  return null
}

async function snapshot<T>(pool: Pool, work: (db: ClientBase) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let intact = false
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('row_security', 'off', true), set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true)`,
      [String(COUNT_MS)],
    )
    const result = await work(client)
    await client.query('COMMIT')
    intact = true
    return result
  } finally {
    if (!intact) {
      intact = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
    }
    client.release(!intact)
  }
}
