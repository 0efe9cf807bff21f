import type { RequestState } from '@lethe/domain'
import type { StoredEvent } from '@lethe/event-store'
import type { PoolClient } from 'pg'
import { FOLD_VERSION, foldFrom, LogCorrupt } from '../loader.js'

/** A stream that cannot be folded, or whose snapshot is not the fold of its events. */
export interface StreamProblem {
  readonly requestId: string
  readonly detail: string
}

export interface RefoldedPage {
  readonly states: readonly RequestState[]
  readonly streams: number
  readonly events: number
  readonly snapshots: number
  readonly problems: readonly StreamProblem[]
}

interface StreamRow {
  stream_id: string
  head: string
  snapshot_version: string | null
  snapshot_state: unknown
  events: { version: number; type: string; data: unknown }[] | null
}

/** Folds every stream from its first event on, in pages; memory is bounded by two pages. */
export async function* refold(client: PoolClient, pageSize: number): AsyncGenerator<RefoldedPage> {
  const read = (after: string) => client.query<StreamRow>(PAGE, [after, pageSize, FOLD_VERSION])
  let { rows } = await read('')
  for (let last = rows.at(-1); last; last = rows.at(-1)) {
    // Where the connection pipelines, the server reads the next page while this one is folded.
    const next = client.pipeline ? read(last.stream_id) : undefined
    next?.catch(() => {})
    yield refoldPage(rows)
    rows = (await (next ?? read(last.stream_id))).rows
  }
}

/** The events as one json array per stream keep their keys in the order they were written. */
const PAGE = `
  SELECT stream.stream_id, stream.version AS head,
         snapshot.version AS snapshot_version, snapshot.state AS snapshot_state,
         (SELECT json_agg(json_build_object('version', version, 'type', type, 'data', data) ORDER BY version)
          FROM events.events AS event WHERE event.stream_id = stream.stream_id) AS events
  FROM events.streams AS stream
  LEFT JOIN events.snapshots AS snapshot ON snapshot.stream_id = stream.stream_id AND snapshot.fold_version = $3
  WHERE stream.stream_id > $1 ORDER BY stream.stream_id LIMIT $2`

function refoldPage(rows: readonly StreamRow[]): RefoldedPage {
  const states: RequestState[] = []
  const problems: StreamProblem[] = []
  for (const row of rows) {
    try {
      states.push(refoldStream(row))
    } catch (error) {
      if (!(error instanceof LogCorrupt)) throw error
      problems.push({ requestId: row.stream_id, detail: error.message })
    }
  }
  return {
    states,
    streams: rows.length,
    events: rows.reduce((sum, { events }) => sum + (events?.length ?? 0), 0),
    snapshots: rows.filter(({ snapshot_version }) => snapshot_version !== null).length,
    problems,
  }
}

function refoldStream(row: StreamRow): RequestState {
  const events: StoredEvent[] = (row.events ?? []).map((event) => ({
    ...event,
    streamId: row.stream_id,
    position: '',
  }))
  if (row.snapshot_version === null) return foldFrom(row.stream_id, null, 0, events, Number(row.head))
  const cut = Number(row.snapshot_version)
  const atCut = foldFrom(row.stream_id, null, 0, events.slice(0, cut), cut)
  if (JSON.stringify(atCut) !== JSON.stringify(row.snapshot_state))
    throw new LogCorrupt(row.stream_id, `its snapshot at version ${cut} is not the fold of its events`)
  return foldFrom(row.stream_id, atCut, cut, events.slice(cut), Number(row.head))
}
