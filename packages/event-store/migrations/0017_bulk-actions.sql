-- Actions of people on many requests. Who began or resumed a job does it with their own credential, which is in no
-- table: a job whose process or session has ended stands still until somebody resumes it. Names nobody, holds no text
-- that somebody typed. Epoch milliseconds.
CREATE SCHEMA ops;

CREATE TABLE ops.bulk_jobs (
  job_id        text   PRIMARY KEY,
  verb          text   NOT NULL,
  -- The address of the list it was made from.
  list          text   NOT NULL,
  -- null: of every tenant.
  tenants       text[],
  credential_id text   NOT NULL,
  state         text   NOT NULL CHECK (state IN ('shown', 'running', 'interrupted', 'done')),
  -- Why it stands still.
  reason        text,
  total         integer NOT NULL,
  left_out      integer NOT NULL,
  created_at    bigint NOT NULL,
  started_at    bigint,
  ended_at      bigint,
  -- Who works on it, and until when nobody else may.
  runner        text,
  leased_until  bigint
);
CREATE INDEX bulk_jobs_by_age ON ops.bulk_jobs (created_at DESC, job_id);

-- One request of a job. Asked and without an outcome: it is not known whether it was done.
CREATE TABLE ops.bulk_items (
  job_id     text    NOT NULL REFERENCES ops.bulk_jobs ON DELETE CASCADE,
  position   integer NOT NULL,
  request_id text    NOT NULL,
  -- As it was shown: the status, and why it will be refused if that could be told.
  status     text    NOT NULL,
  hindrance  text,
  asked_at   bigint,
  outcome    text,
  PRIMARY KEY (job_id, position)
);
CREATE INDEX bulk_items_to_do ON ops.bulk_items (job_id, position) WHERE outcome IS NULL;

REVOKE ALL ON SCHEMA ops FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ops FROM PUBLIC;
GRANT USAGE ON SCHEMA ops TO lethe_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.bulk_jobs, ops.bulk_items TO lethe_ops;
