-- What the ops service reads besides the read models: the aggregator's offsets, which live here, the systems of
-- the data maps, and the log, for the timeline of a request and for what changed since. None of it names anybody.
GRANT USAGE ON SCHEMA inbox, events TO lethe_ops;
GRANT SELECT ON inbox.offsets, events.data_maps, events.events TO lethe_ops;

-- Who looked at a person's request; rows are only ever added, and ops can not read them back.
-- Names nobody. Epoch milliseconds.
CREATE TABLE audit.views (
  id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            bigint NOT NULL,
  credential_id text   NOT NULL,
  view          text   NOT NULL,
  request_id    text   NOT NULL,
  found         boolean NOT NULL
);
CREATE INDEX views_by_request ON audit.views (request_id, id);
REVOKE ALL ON audit.views FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO lethe_ops;
GRANT INSERT ON audit.views TO lethe_ops;
