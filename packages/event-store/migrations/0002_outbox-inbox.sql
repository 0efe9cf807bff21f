CREATE SCHEMA outbox;

-- Column names are those Debezium's outbox event router looks for. ce_id is what consumers see and
-- what stays equal when a message is published again; id is new with every row.
CREATE TABLE outbox.message (
  id            uuid   PRIMARY KEY,
  ce_id         uuid   NOT NULL,
  position      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  aggregatetype text   NOT NULL,
  aggregateid   text   NOT NULL,
  type          text   NOT NULL,
  payload       bytea,
  systems       text,
  traceparent   text,
  ce_time       bigint NOT NULL,
  attempt       integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_by_ce_id ON outbox.message (ce_id);
CREATE INDEX message_by_age ON outbox.message (created_at);

-- Written by the connector's heartbeat action, so that the slot moves on a quiet database.
CREATE TABLE outbox.heartbeat (
  id integer     PRIMARY KEY,
  at timestamptz NOT NULL
);

-- Deletes of confirmed rows are of no interest to anyone downstream.
CREATE PUBLICATION lethe_outbox FOR TABLE outbox.message, outbox.heartbeat WITH (publish = 'insert, update');

CREATE SCHEMA inbox;

CREATE TABLE inbox.processed (
  consumer     text NOT NULL,
  message_id   text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);
CREATE INDEX processed_by_age ON inbox.processed (processed_at);

-- next_offset is the first offset not yet folded; it moves by compare-and-set only.
CREATE TABLE inbox.offsets (
  consumer    text    NOT NULL,
  topic       text    NOT NULL,
  partition   integer NOT NULL,
  next_offset bigint  NOT NULL CHECK (next_offset >= 0),
  PRIMARY KEY (consumer, topic, partition)
);
