import type { PeopleColumns, ProbeFinding, ProbeSession } from '@lethe/eraser-kit'
import { assertAgreeing, columnsOf, TerminalError } from '@lethe/eraser-kit'
import type { ClientBase, Pool, QueryResult } from 'pg'
import { connect, openPool, type PostgresContext } from './database.js'
import { crossing, failureOf, isOurs } from './errors.js'
import { type Look, looksFor } from './probe-looks.js'
import { Sought } from './probe-people.js'
import { ProbeQuery } from './probe-query.js'
import { type ProbeTable, SHAPE, type Shape, shapeIn, tableCalled } from './probe-shape.js'

/** Longest one table's count may take, in milliseconds. */
const COUNT_MS = 120_000

/**
 * Opens the looking side, with read-only credentials. Throws a TerminalError when row-level security would
 * filter a mapped table: nobody can say "clean" of rows they can't see.
 */
export async function openProbe(context: PostgresContext): Promise<ProbeSession> {
  const pool = openPool(context.options, `lethe probe ${context.systemId}`)
  try {
    const obstacle = await snapshot(pool, async (_db, { shape }) => obstacleIn(shape, context))
    if (obstacle)
      throw new TerminalError(obstacle, `The probe can't see every row of ${context.systemId} (${obstacle}).`)
  } catch (error) {
    await pool.end()
    throw crossing(error, 'open the probe')
  }
  return {
    probe: async (subjects) => {
      const people = columnsOf(subjects)
      const sight = await lookAt(pool, context, people)
      if ('reasonCode' in sight) return subjects.map(() => inconclusive(sight.reasonCode))
      // Of most people nothing is found: that is said by one object.
      const clean = findingOf(sight, undefined)
      return subjects.map((_, place) => {
        const unasked = unaskable(context, people, place)
        if (unasked !== null) return inconclusive(unasked)
        const mine = sight.found.get(place)
        return mine ? findingOf(sight, mine) : clean
      })
    },
    sift: async (people) => {
      assertAgreeing(people)
      const sight = await lookAt(pool, context, people)
      const places: number[] = []
      for (let place = 0; place < people.counts.length; place++)
        if ('reasonCode' in sight || sight.found.has(place) || unaskable(context, people, place) !== null)
          places.push(place)
      return places
    },
    close: () => pool.end(),
  }
}

/** Failures that leave the answer open; everything else is thrown. */
const BLIND = new Set(['timeout', 'missing_rights', 'rls_active', 'missing_table', 'missing_column'])

/** Why nothing can be said of anybody. */
interface Blind {
  readonly reasonCode: string
}

/** What was seen of people, all in one snapshot. */
interface Sight {
  /** By place, of those of whom something was found. */
  readonly found: ReadonlyMap<number, Matches>
  /** A zero for each collection looked at. */
  readonly none: Readonly<Record<string, number>>
  readonly position: string
}

/** The one look that `probe` and `sift` are made of. */
async function lookAt(pool: Pool, context: PostgresContext, people: PeopleColumns): Promise<Sight | Blind> {
  try {
    return await snapshot(pool, (db, seen) => look(db, context, people, seen))
  } catch (error) {
    const { code } = failureOf(error)
    if (!isOurs(error) && BLIND.has(code)) return { reasonCode: code }
    throw crossing(error, 'probe')
  }
}

async function look(
  db: ClientBase,
  context: PostgresContext,
  people: PeopleColumns,
  { position, shape }: Opened,
): Promise<Sight | Blind> {
  // A standby may lag behind the erasure, and it may lag behind what was written after it.
  if (!position) return { reasonCode: 'standby' }
  const obstacle = obstacleIn(shape, context)
  if (obstacle) return { reasonCode: obstacle }
  const looks = looksFor(shape, context, [...new Set(people.types)])
  const hidden = looks.find(({ table, holder }) =>
    [table, holder].some((one) => one.filtered || !one.readable),
  )
  if (hidden) return { reasonCode: hidden.table.filtered ? 'rls_active' : 'unreadable_table' }
  const found = await count(db, context, shape, looks, people)
  return { found, none: collectionsIn(context, looks), position }
}

/** Matches of one person by collection, of those with any; in each of `residual` at least one. */
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
  people: PeopleColumns,
): Promise<ReadonlyMap<number, Matches>> {
  const found = new Map<number, Matches>()
  const sought = new Sought(people)
  for (const collection of new Set(looks.map((one) => one.collection))) {
    const query = new ProbeQuery(shape, system, tenant, Date.now())
    for (const one of looks) if (one.collection === collection) query.add(one, sought)
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

function findingOf({ none, position }: Sight, matches: Matches | undefined): ProbeFinding {
  const residual = { ...none, ...matches?.residual }
  const found = Object.values(residual).some((many) => many > 0)
  const open = Object.keys(matches?.undated ?? {}).length > 0 ? { undated: matches?.undated ?? {} } : {}
  return { result: found ? 'residual' : 'clean', residual, ...open, position }
}

/** Why this person can't be asked for, or null. */
function unaskable({ tenant }: PostgresContext, people: PeopleColumns, place: number): string | null {
  if ('constant' in tenant && tenant.constant !== people.tenantIds[place]) return 'unknown_tenant'
  return people.counts[place] === 0 ? 'no_identifier' : null
}

function inconclusive(reasonCode: string): ProbeFinding {
  return { result: 'inconclusive', residual: {}, reasonCode }
}

/** Why the mapped tables can't be looked at completely, or null. */
function obstacleIn(shape: Shape, { system }: PostgresContext): string | null {
  for (const { table: own, via, by, mentions } of system.elements) {
    const table = tableCalled(shape, own)
    const holder = via ? tableCalled(shape, via) : table
    if (!table || !holder) return 'missing_table'
    for (const one of [table, holder]) {
      if (one.kind !== 'r' && one.kind !== 'p') return 'not_a_table'
      if (one.filtered) return 'rls_active'
      if (!one.readable) return 'missing_rights'
    }
    // Looked for in no column at all, everybody would be absent.
    if (!hasColumn(holder, by) || (mentions && !hasColumn(table, mentions.column))) return 'missing_column'
    if (via && !shape.keys.some((key) => key.child === table.oid && key.parent === holder.oid))
      return 'map_mismatch'
  }
  return null
}

const hasColumn = (table: ProbeTable, name: string): boolean =>
  table.columns.some((column) => column.name === name)

/** What a snapshot begins with. */
interface Opened {
  /** Where the log was; null on a standby. */
  readonly position: string | null
  readonly shape: Shape
}

/** One message: thousands of people are looked for in the time that three more would take. */
const OPEN = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SELECT set_config('statement_timeout', '${COUNT_MS}', true), set_config('row_security', 'off', true),
    set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true),
    CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END AS lsn;
  ${SHAPE}`

async function snapshot<T>(pool: Pool, work: (db: ClientBase, seen: Opened) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let intact = false
  try {
    const told = (await client.query(OPEN)) as unknown as readonly QueryResult<{ lsn: string | null }>[]
    const result = await work(client, { position: told[1]?.rows[0]?.lsn ?? null, shape: shapeIn(told) })
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
