import { PgEventStore } from '@lethe/event-store'
import { rebuild, recount } from '@lethe/request-log'
import pg from 'pg'
import { type History, historyOf, type Kind } from './histories.js'

/** Out of a thousand requests; most have ended long ago. */
export const MIX: Readonly<Record<Kind, number>> = {
  cleared: 480,
  completed: 130,
  residue: 4,
  verifying: 10,
  erasing: 20,
  failed: 5,
  held: 5,
  approval: 30,
  pending: 46,
  refused: 180,
  cancelled: 90,
}
/** Received so many days ago, at most and at least. */
const AGES: Readonly<Record<Kind, readonly [number, number]>> = {
  cleared: [730, 100],
  completed: [55, 1],
  residue: [55, 1],
  verifying: [40, 0],
  erasing: [40, 0],
  failed: [55, 1],
  held: [80, 1],
  approval: [29, 0],
  pending: [29, 0],
  refused: [730, 0],
  cancelled: [730, 0],
}

/** `acme` has nine of ten requests, `small` one of two hundred; the rest is spread. */
export const TENANTS = ['acme', 'small', 'globex', 'initech', 'umbrella'] as const
const tenantOf = (n: number): string =>
  n % 10 !== 7 ? 'acme' : n % 200 === 7 ? 'small' : (TENANTS[2 + (n % 3)] as string)
const regimeOf = (n: number): string => (n % 50 === 3 ? 'ccpa' : 'gdpr')
/** Of ten requests six have one system, three two, and one all three. */
const systemsOf = (n: number, systems: readonly string[]): readonly string[] =>
  n % 10 < 6 ? [systems[n % 2] as string] : n % 10 < 9 ? systems.slice(0, 2) : systems

export interface Filled {
  readonly requests: number
  readonly events: number
  /** Some ids of every kind. */
  readonly ids: Readonly<Record<Kind, readonly string[]>>
}

const DAY = 86_400_000

/**
 * Requests in any number: a few thousand are decided by the domain, written to the log and projected as ever, and
 * copied in SQL under new ids, events and read models alike. Nobody moves them on: their timers are taken away.
 */
export async function fill(
  url: string,
  wanted: { requests: number; templates: number; systems: readonly string[] },
  say: (text: string) => void,
): Promise<Filled> {
  const pool = new pg.Pool({ connectionString: url, max: 3, options: '-c synchronous_commit=off' })
  try {
    const ids = await templates(pool, Math.min(wanted.templates, wanted.requests), wanted.systems)
    const count = Object.values(ids).flat().length
    const copies = Math.max(0, Math.round(wanted.requests / count) - 1)
    await pool.query('UPDATE read_model.requests SET next_action_at = NULL')
    await pool.query('CREATE UNLOGGED TABLE public.bench_events AS SELECT * FROM events.events')
    for (const table of PROJECTED)
      await pool.query(`CREATE UNLOGGED TABLE public.bench_${table} AS SELECT * FROM read_model.${table}`)
    // Looked up by nobody meanwhile, and made in one go it is as it would have become.
    await pool.query('DROP INDEX events.events_in_order')
    const statements = await copying(pool)
    let next = 1
    const copier = async () => {
      while (next <= copies) {
        const copy = next++
        for (const statement of statements) await pool.query(statement, [copy])
        if (copy % 25 === 0) say(`${copy} of ${copies} copies`)
      }
    }
    await Promise.all([copier(), copier()])
    await pool.query('CREATE UNIQUE INDEX events_in_order ON events.events (transaction, position)')
    await pool.query(
      `DROP TABLE public.bench_events, ${PROJECTED.map((one) => `public.bench_${one}`).join(', ')}`,
    )
    await recount(pool, 'read_model')
    await pool.query('VACUUM ANALYZE')
    await pool.query('CHECKPOINT')
    const { rows } = await pool.query<{ requests: number; events: number }>(
      `SELECT (SELECT count(*)::int FROM read_model.requests) AS requests,
              (SELECT count(*)::int FROM events.events) AS events`,
    )
    return { requests: rows[0]?.requests ?? 0, events: rows[0]?.events ?? 0, ids }
  } finally {
    await pool.end()
  }
}

async function templates(
  pool: pg.Pool,
  count: number,
  systems: readonly string[],
): Promise<Record<Kind, string[]>> {
  const ids = Object.fromEntries(Object.keys(MIX).map((kind) => [kind, [] as string[]])) as Record<
    Kind,
    string[]
  >
  const now = Date.now()
  const histories: History[] = []
  for (const [kind, share] of Object.entries(MIX) as [Kind, number][]) {
    const [oldest, newest] = AGES[kind]
    const many = Math.max(1, Math.round((count * share) / 1_000))
    for (let n = 0; n < many; n++) {
      // Every request has a millisecond of its own.
      const at = Math.round(now - (newest + ((oldest - newest) * (n + 0.5)) / many) * DAY) - histories.length
      const about = { at, tenantId: tenantOf(n), regime: regimeOf(n), systems: systemsOf(n, systems) }
      const history = historyOf(kind, about)
      histories.push(history)
      ids[kind].push(history.requestId)
    }
  }
  histories.sort((a, b) => (a.requestId < b.requestId ? -1 : 1))
  const store = new PgEventStore(pool)
  for (let from = 0; from < histories.length; from += 200)
    await store.append(
      histories
        .slice(from, from + 200)
        .map(({ requestId, events }) => ({ streamId: requestId, expectedVersion: 0, events })),
    )
  const { problems } = await rebuild(pool, { swap: true })
  if (problems[0]) throw new Error(`a history can not be folded: ${problems[0].detail}`)
  return ids
}

const PROJECTED = ['requests', 'steps', 'verifications', 'tombstones'] as const

/** The last twelve digits of an id tell the copies of one request apart. */
const idOf = (column: string) => `left(${column}, 24) || lpad(to_hex($1::int), 12, '0')`
const inside = (column: string, id = 'request_id') => `replace(${column}::text, ${id}, ${idOf(id)})`

/** Columns that hold the id of the request in something longer. */
const HOLDING: Readonly<Record<string, string>> = {
  request_id: idOf('request_id'),
  subject_ref: inside('subject_ref'),
  tombstone_id: inside('tombstone_id'),
  detail: `${inside('detail')}::jsonb`,
}

async function copying(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ table: string; columns: string[] }>(
    `SELECT table_name AS table, array_agg(column_name::text ORDER BY ordinal_position) AS columns
     FROM information_schema.columns WHERE table_schema = 'read_model' AND table_name = ANY ($1) GROUP BY 1`,
    [PROJECTED],
  )
  const ofTable = ({ table, columns }: { table: string; columns: string[] }) =>
    `INSERT INTO read_model.${table} (${columns.join(', ')})
     SELECT ${columns.map((name) => HOLDING[name] ?? name).join(', ')} FROM public.bench_${table}`
  return [
    `INSERT INTO events.streams (stream_id, version)
     SELECT ${idOf('stream_id')}, max(version) FROM public.bench_events GROUP BY stream_id`,
    `INSERT INTO events.events (stream_id, version, type, data)
     SELECT ${idOf('stream_id')}, version, type, ${inside('data', 'stream_id')}::json
     FROM public.bench_events ORDER BY stream_id, version`,
    ...rows.map(ofTable),
  ]
}
