import { randomBytes } from 'node:crypto'
import { migrate, PgEventStore } from '@lethe/event-store'
import { RequestLog, rebuild } from '@lethe/request-log'
import pg from 'pg'
import type { Ground } from '../pipeline/ground.js'
import { createDatabase, dropDatabase, Installation } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { aimOf, boundOf } from './aims.js'
import { NOOP_SYSTEMS } from './throughput-noop.js'

export const MEASURE = 'Rebuild of all read models'
const REBUILD = 'Lethe: rebuild, folded, projected and compared'
const READ = 'paged raw read of the log'
const RESTART = 'Lethe: 500 requests from the log with nothing in memory'
const PAGE = 1_000

/** A real request's events are copied under new ids until the log is long enough. */
export async function rebuilding(ground: Ground): Promise<Sample[]> {
  const { context, sizes, say } = ground
  const url = new URL(`/rebuild_${randomBytes(4).toString('hex')}`, context.at.lethePostgresUrl).href
  await createDatabase(url)
  const pool = new pg.Pool({ connectionString: url, max: 4, pipeline: true })
  try {
    await migrate(url)
    const events = await longLog(ground, pool, sizes.events)
    say(`a log of ${events} events`)
    const filled = await rebuild(pool, { swap: true })
    if (filled.problems.length > 0)
      throw new Error(`the log of the benchmark can't be folded: ${filled.problems[0]?.detail}`)
    const samples: Sample[] = []
    for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
      const read = await timed(() => readAll(pool))
      const rebuilt = await timed(async () => {
        if (!(await rebuild(pool)).equal) throw new Error('a rebuild differed from what it had made')
      })
      const restarted = await timed(() => fiveHundred(pool))
      samples.push({ measure: MEASURE, subject: READ, unit: 'events/s', value: events / read })
      samples.push({ measure: MEASURE, subject: REBUILD, unit: 'events/s', value: events / rebuilt })
      samples.push({ measure: MEASURE, subject: RESTART, unit: 's', value: restarted })
      say(
        `read ${Math.round(events / read)} events/s, rebuild ${Math.round(events / rebuilt)} events/s, restart ${restarted.toFixed(3)} s`,
      )
    }
    return samples
  } finally {
    await pool.end()
    await dropDatabase(url)
  }
}

async function longLog({ context }: Ground, pool: pg.Pool, wanted: number): Promise<number> {
  const lethe = await Installation.start(context, {
    dataMap: noopMap(NOOP_SYSTEMS),
    systems: noopSystems(NOOP_SYSTEMS),
  })
  let template: { stream_id: string; version: string; type: string; data: string }[]
  try {
    const [accepted] = await closedLoop(lethe.target, peopleFrom(1, 1), 1)
    await lethe.completed(1)
    const { rows } = await lethe.pool.query(
      'SELECT stream_id, version, type, data::text FROM events.events WHERE stream_id = $1 ORDER BY version',
      [accepted?.requestId],
    )
    template = rows
  } finally {
    await lethe.stop()
  }
  const streams = Math.ceil(wanted / template.length)
  for (let from = 0; from < streams; from += 2_000)
    await pool.query(COPIES, [
      template[0]?.stream_id,
      template.map(({ version }) => version),
      template.map(({ type }) => type),
      template.map(({ data }) => data),
      from,
      Math.min(from + 2_000, streams) - 1,
    ])
  await pool.query('VACUUM ANALYZE events.events, events.streams')
  return streams * template.length
}

/** Ids of the same length and order as real ones; every id inside an event is replaced as well. */
const COPIES = `
  WITH copy AS (SELECT n, left($1::text, 24) || lpad(to_hex(n), 12, '0') AS id FROM generate_series($5::int, $6::int) AS n),
  heads AS (INSERT INTO events.streams SELECT id, cardinality($2::bigint[]) FROM copy)
  INSERT INTO events.events (stream_id, version, type, data)
  SELECT id, version, type, replace(regexp_replace(data, '("tombstoneId":")[^"]*', '\\1' || id || '-' || version), $1, id)::json
  FROM copy, unnest($2::bigint[], $3::text[], $4::text[]) AS event (version, type, data) ORDER BY n, version`

async function readAll(pool: pg.Pool): Promise<void> {
  const store = new PgEventStore(pool)
  let after: string | null = null
  for (;;) {
    const page: Awaited<ReturnType<PgEventStore['readAll']>> = await store.readAll({ after, limit: PAGE })
    if (page.end) return
    after = page.next
  }
}

/** What a writer does with the first batch after its start: lock, load and fold. */
async function fiveHundred(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ stream_id: string }>(
    'SELECT stream_id FROM events.streams ORDER BY stream_id DESC LIMIT 500',
  )
  const log = new RequestLog({ pool, eventStore: new PgEventStore(pool), encode: () => Buffer.alloc(0) })
  await log.transact(
    rows.map((row) => row.stream_id),
    async () => undefined,
  )
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1_000
}

export const aims = (rows: readonly Row[]): Aim[] => [
  aimOf(rows, MEASURE, '>= 0.6 of the raw read', REBUILD, READ, { atLeast: 0.6 }),
  boundOf(rows, MEASURE, 'restart < 1 s', RESTART, { atMost: 1 }),
]
