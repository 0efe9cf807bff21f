-- The log: one stream per request. Every schema of Lethe's database is made here, so that the
-- roles of 0004 can be granted by schema.

CREATE SCHEMA events;

-- One row per stream; version is the number of events in it.
CREATE TABLE events.streams (
  stream_id text   PRIMARY KEY,
  version   bigint NOT NULL CHECK (version > 0)
);

-- data is json, not jsonb: jsonb reorders keys, and a state folded from the log must be equal to the
-- one that was folded in memory before the events were written.
CREATE TABLE events.events (
  stream_id   text   NOT NULL,
  version     bigint NOT NULL CHECK (version > 0),
  position    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  -- Readers of the whole log go in the order (transaction, position) and stop below the oldest
  -- transaction still in flight; the sequence alone would let them pass rows not yet committed.
  transaction xid8   NOT NULL DEFAULT pg_current_xact_id(),
  type        text   NOT NULL,
  data        json   NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (stream_id, version)
);
CREATE UNIQUE INDEX events_in_order ON events.events (transaction, position);

-- fold_version names the fold that made the state; another fold ignores the snapshot.
CREATE TABLE events.snapshots (
  stream_id    text    PRIMARY KEY,
  version      bigint  NOT NULL CHECK (version > 0),
  fold_version integer NOT NULL,
  state        json    NOT NULL
);

-- digest is keyed; the caller's idempotency key itself is never stored.
CREATE TABLE events.idempotency (
  tenant_id  text NOT NULL,
  digest     text NOT NULL,
  request_id text NOT NULL,
  PRIMARY KEY (tenant_id, digest)
);

CREATE TABLE events.data_maps (
  version integer PRIMARY KEY,
  digest  text    NOT NULL,
  body    text    NOT NULL
);
