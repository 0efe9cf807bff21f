import type { IdentifierType, ProbeFinding, ProbeSession, Subject } from '@lethe/eraser-kit'
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
  const position = await db.query<{ lsn: string | null }>(
    'SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END AS lsn',
  )
  // A standby may lag behind the erasure, and it may lag behind what was written after it.
  const lsn = position.rows[0]?.lsn
  if (!lsn) return subjects.map(() => inconclusive('standby'))
  const shape = await readShape(db)
  const obstacle = obstacleIn(shape, context)
  if (obstacle) return subjects.map(() => inconclusive(obstacle))
  const types = new Set<IdentifierType>()
  for (const { identifiers } of subjects) for (const { type } of identifiers) types.add(type)
  const looks = looksFor(shape, context, [...types])
  const hidden = looks.find(({ table, holder }) =>
    [table, holder].some((one) => one.filtered || !one.readable),
  )
  if (hidden)
    return subjects.map(() => inconclusive(hidden.table.filtered ? 'rls_active' : 'unreadable_table'))
  const found = await count(db, context, shape, looks, subjects)
  // Of most people nothing is found: that is said by one object.
  const clean = findingOf(collectionsIn(context, looks), undefined, lsn)
  return subjects.map((subject, ord) => {
    const mine = found.get(ord)
    const unasked = unaskable(context, subject)
    return unasked ?? (mine ? findingOf(clean.residual, mine, lsn) : clean)
  })
}

/** Matches of one person by collection, of those with any. */
interface Matches {
  readonly residual: Record<string, number>
  readonly undated: Record<string, number>
}

function collectionsIn({ system }: PostgresContext, looks: readonly Look[]): Record<string, number> {
  const tables = [...system.elements.map(({ table }) => table), ...looks.map(({ collection }) => collection)]
  return Object.fromEntries(tables.map((table) => [table, 0]))
}

/** By place, of those of whom something was found. */
async function count(
  db: ClientBase,
  { system, tenant }: PostgresContext,
  shape: Shape,
  looks: readonly Look[],
  subjects: readonly Subject[],
): Promise<ReadonlyMap<number, Matches>> {
  const found = new Map<number, Matches>()
  for (const collection of new Set(looks.map((one) => one.collection))) {
    const query = new ProbeQuery(shape, system, tenant, Date.now())
    for (const one of looks) if (one.collection === collection) query.add(one, subjects)
    const statement = query.build()
    if (!statement) continue
    const { rows } = await db.query<{ ord: number; matches: number; undated: number }>(statement)
    for (const row of rows) {
      const mine = found.get(row.ord) ?? { residual: {}, undated: {} }
      found.set(row.ord, mine)
      mine.residual[collection] = row.matches
      if (row.undated > 0) mine.undated[collection] = row.undated
    }
  }
  return found
}

function findingOf(
  none: Readonly<Record<string, number>>,
  matches: Matches | undefined,
  position: string,
): ProbeFinding {
  const residual = { ...none, ...matches?.residual }
  const found = Object.values(residual).some((many) => many > 0)
  const open = Object.keys(matches?.undated ?? {}).length > 0 ? { undated: matches?.undated ?? {} } : {}
  return { result: found ? 'residual' : 'clean', residual, ...open, position }
}

function unaskable({ tenant }: PostgresContext, subject: Subject): ProbeFinding | null {
  if ('constant' in tenant && tenant.constant !== subject.tenantId) return inconclusive('unknown_tenant')
  return subject.identifiers.length === 0 ? inconclusive('no_identifier') : null
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
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
      SELECT set_config('statement_timeout', '${COUNT_MS}', true), set_config('row_security', 'off', true),
        set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true)`)
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
