import type { Snapshot, StreamAppend } from './event-store.js'

/**
 * Advisory locks need no row and no xid, so they also lock streams that do not exist yet. The inner
 * query sorts before the outer one locks; two writers thus never wait for each other in a circle.
 */
export const lockHeads = `
  SELECT pg_advisory_xact_lock(key)::text IS NULL AS locked, pg_current_xact_id_if_assigned() IS NOT NULL AS written
  FROM (SELECT DISTINCT hashtextextended(id, 0) AS key FROM unnest($1::text[]) AS id ORDER BY key OFFSET 0) AS sorted`

export const readHeads = `SELECT stream_id, version FROM events.streams WHERE stream_id = ANY ($1::text[])`

/**
 * Heads first, then all events; returns the heads that were where they were expected. If one is
 * missing, the caller rolls everything back.
 */
export const append = `
  WITH head AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS head (stream_id, expected, version)
  ), created AS (
    INSERT INTO events.streams (stream_id, version)
    SELECT stream_id, version FROM head WHERE expected = 0
    ON CONFLICT DO NOTHING
    RETURNING stream_id
  ), moved AS (
    UPDATE events.streams AS stream SET version = head.version
    FROM head WHERE head.expected > 0 AND stream.stream_id = head.stream_id AND stream.version = head.expected
    RETURNING stream.stream_id
  ), written AS (
    INSERT INTO events.events (stream_id, version, type, data)
    SELECT stream_id, version, type, data::json
    FROM unnest($4::text[], $5::bigint[], $6::text[], $7::text[]) WITH ORDINALITY
      AS event (stream_id, version, type, data, ordinal)
    ORDER BY ordinal
  )
  SELECT stream_id FROM created UNION ALL SELECT stream_id FROM moved`

/** The parameters of `append`. */
export function appendColumns(batch: readonly StreamAppend[]): unknown[] {
  const flat = batch.flatMap(({ streamId, expectedVersion, events }) =>
    events.map((event, index) => ({ streamId, version: expectedVersion + index + 1, event })),
  )
  return [
    batch.map(({ streamId }) => streamId),
    batch.map(({ expectedVersion }) => expectedVersion),
    batch.map(({ expectedVersion, events }) => expectedVersion + events.length),
    flat.map(({ streamId }) => streamId),
    flat.map(({ version }) => version),
    flat.map(({ event }) => event.type),
    flat.map(({ event }) => JSON.stringify(event.data)),
  ]
}

const EVENT = `stream_id, version, position, transaction::text AS transaction, type, data`

export const readStream = `
  SELECT ${EVENT} FROM events.events WHERE stream_id = $1 AND version > $2 ORDER BY version LIMIT $3`

/**
 * After the given version; where none is given, after the snapshot. One look at the primary key per stream, whatever the
 * planner believes of the size of the log.
 */
export const loadTails = `
  SELECT event.stream_id, event.version, position, transaction::text AS transaction, type, data
  FROM unnest($1::text[], $2::bigint[]) AS wanted (stream_id, version)
  LEFT JOIN events.snapshots AS snapshot
    ON wanted.version IS NULL AND snapshot.stream_id = wanted.stream_id AND snapshot.fold_version = $3
  CROSS JOIN LATERAL (
    SELECT * FROM events.events AS one
    WHERE one.stream_id = wanted.stream_id AND one.version > coalesce(wanted.version, snapshot.version, 0)
    ORDER BY one.version OFFSET 0
  ) AS event`

/**
 * Every transaction below the snapshot's xmin has ended, and every later one has a higher xid: the
 * order (transaction, position) only ever grows at its end.
 */
export const readAll = `
  SELECT ${EVENT} FROM events.events
  WHERE (events.transaction, events.position) > ($1::text::xid8, $2::bigint)
    AND events.transaction < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY events.transaction, events.position LIMIT $3`

export const loadSnapshots = `
  SELECT stream_id, version, state FROM events.snapshots WHERE stream_id = ANY ($1::text[]) AND fold_version = $2`

/** A newer fold replaces an older one's snapshot even at the same version. */
export const saveSnapshots = `
  INSERT INTO events.snapshots AS kept (stream_id, version, fold_version, state)
  SELECT stream_id, version, fold_version, state::json
  FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::text[]) AS given (stream_id, version, fold_version, state)
  ORDER BY stream_id
  ON CONFLICT (stream_id) DO UPDATE
  SET version = excluded.version, fold_version = excluded.fold_version, state = excluded.state
  WHERE (excluded.fold_version, excluded.version) > (kept.fold_version, kept.version)`

/** The parameters of `saveSnapshots`. */
export function snapshotColumns(snapshots: readonly Snapshot[]): unknown[] {
  return [
    snapshots.map(({ streamId }) => streamId),
    snapshots.map(({ version }) => version),
    snapshots.map(({ foldVersion }) => foldVersion),
    snapshots.map(({ state }) => JSON.stringify(state)),
  ]
}
