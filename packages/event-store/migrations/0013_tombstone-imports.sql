-- Who brought in people that were erased by other means; one row per call, which names nobody. Rows are only ever added.
CREATE TABLE audit.tombstone_imports (
  id            bigint  NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Epoch milliseconds.
  at            bigint  NOT NULL,
  credential_id text    NOT NULL,
  dry_run       boolean NOT NULL,
  imported      integer NOT NULL,
  already       integer NOT NULL,
  expired       integer NOT NULL,
  bad           integer NOT NULL
);
REVOKE ALL ON audit.tombstone_imports FROM PUBLIC;
GRANT SELECT, INSERT ON audit.tombstone_imports TO lethe_request;
GRANT SELECT ON audit.tombstone_imports TO lethe_ops;
