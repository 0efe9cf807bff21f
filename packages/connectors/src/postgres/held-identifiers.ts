import type { HeldIdentifiers, IdentifierType } from '@lethe/eraser-kit'
import { RetryableError, TerminalError } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import { connect } from './database.js'
import { crossing, isOurs } from './errors.js'
import { RawRows } from './raw-rows.js'
import { joined, nameOf } from './selector.js'
import { quote } from './sql.js'
import type { Plan, Target } from './targets.js'

/** Rows read at once: what is held in memory, and how long a stop waits. */
const FETCH = 20_000
/** Longest that one fetch may take; the first one may sort a table. Milliseconds. */
const FETCH_MS = 1_800_000

/** The server writes these as it would write them as text; making texts of millions first takes it half as long again. */
const WRITTEN: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'uuid', 'text', 'varchar'])

/** A column that people are found by, and what says whose row it is. */
interface Place {
  readonly type: IdentifierType
  readonly text: string
}

/**
 * Null where people stand in the texts of others as well.
 *
 * @throws TerminalError `too_few_connections` where none is left to erase with while this is read
 */
export function heldIdentifiers(
  pool: Pool,
  plan: Plan,
  signal: AbortSignal,
): AsyncIterable<HeldIdentifiers> | null {
  if (plan.targets.some(({ mention }) => mention !== null)) return null
  if (pool.options.max < 2)
    throw new TerminalError(
      'too_few_connections',
      'A store is read by one connection while people found in it are erased by another: allow it 2 connections or more.',
    )
  const places = new Map(plan.targets.map((target) => [placeOf(target).text, placeOf(target)]))
  return reading(pool, [...places.values()], signal)
}

async function* reading(
  pool: Pool,
  places: readonly Place[],
  signal: AbortSignal,
): AsyncGenerator<HeldIdentifiers> {
  // Each as it is then: whoever was found in one is erased before the next is read.
  for (const place of places) yield* readingOne(pool, place, signal)
}

async function* readingOne(
  pool: Pool,
  { type, text }: Place,
  signal: AbortSignal,
): AsyncGenerator<HeldIdentifiers> {
  const client = await connect(pool).catch((error: unknown) => {
    throw crossing(error, 'connect')
  })
  const raw = new RawRows(client)
  let intact = false
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('row_security', 'off', true), set_config('jit', 'off', true), set_config('cursor_tuple_fraction', '1', true)`,
      [String(FETCH_MS)],
    )
    raw.take()
    await client.query(`DECLARE held NO SCROLL CURSOR FOR ${text}`)
    for (;;) {
      if (signal.aborted) throw new RetryableError('aborted', 'Stopped while identifiers were read.')
      const { rowCount } = await client.query(`FETCH ${FETCH} FROM held`)
      if (rowCount) yield { type, records: raw.take() }
      if (rowCount !== FETCH) break
    }
    await client.query('COMMIT')
    intact = true
  } catch (error) {
    if (isOurs(error)) throw error
    throw crossing(error, 'read identifiers')
  } finally {
    if (!intact)
      intact = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
    raw.end()
    client.release(!intact)
  }
}

/** Distinct values of the column a target's rows are found by, with the tenant their row or its guard names. */
function placeOf({ table, holder, by, via, tenant, guard, identifier }: Target): Place {
  const value = `h.${quote(by.name)}`
  const from = [`${nameOf(holder)} AS h`]
  const where = [`${value} IS NOT NULL`]
  let whose = 'NULL'
  if (guard) {
    from.push(`${nameOf(guard.table)} AS g`)
    where.push(`g.${quote(guard.key.name)} = ${value}`)
    whose = `g.${quote(guard.tenant.name)}`
  } else if (tenant && tenant.of === 'table' && via) {
    from.push(`${nameOf(table)} AS t`)
    where.push(...joined(via.childColumns, 't', via.parentColumns, 'h'))
    whose = `t.${quote(tenant.column.name)}`
  } else if (tenant) whose = `h.${quote(tenant.column.name)}`
  // Sorting a table whose values differ anyway would cost more than it saves.
  const once = from.length === 1 && holder.unique.some((columns) => columns.join() === by.name)
  const columns = `${WRITTEN.has(by.base) ? value : `${value}::text`}, ${whose}::text`
  return {
    type: identifier,
    text: `SELECT ${once ? '' : 'DISTINCT '}${columns} FROM ${from.join(', ')} WHERE ${where.join(' AND ')}`,
  }
}
