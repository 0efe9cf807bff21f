-- What erasers and probes say of themselves, the last word of each process. It is no part of a request's story, so it
-- is in no read model and may be lost. Names nobody. Epoch milliseconds.
CREATE SCHEMA machine;
CREATE TABLE machine.beats (
  system_id  text   NOT NULL,
  role       text   NOT NULL CHECK (role IN ('erase', 'probe')),
  instance   text   NOT NULL,
  at         bigint NOT NULL,
  started_at bigint NOT NULL,
  version    text   NOT NULL,
  -- 'ok', or the code of what keeps it from its store; null before it looked.
  store      text,
  window_ms  bigint NOT NULL,
  done       bigint NOT NULL,
  failed     bigint NOT NULL,
  pacing     jsonb,
  PRIMARY KEY (system_id, role, instance)
);
REVOKE ALL ON SCHEMA machine FROM PUBLIC;
GRANT USAGE ON SCHEMA machine TO lethe_request, lethe_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON machine.beats TO lethe_request;
GRANT SELECT ON machine.beats TO lethe_ops;
