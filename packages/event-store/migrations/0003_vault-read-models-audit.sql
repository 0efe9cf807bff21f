CREATE SCHEMA vault;

CREATE TABLE vault.entries (
  request_id text  NOT NULL,
  system_id  text  NOT NULL,
  epoch      text  NOT NULL,
  sealed     bytea NOT NULL,
  PRIMARY KEY (request_id, system_id, epoch)
);
CREATE INDEX entries_by_epoch ON vault.entries (epoch);

CREATE TABLE vault.digests (
  tenant_id  text NOT NULL,
  digest     text NOT NULL,
  request_id text NOT NULL,
  PRIMARY KEY (tenant_id, digest, request_id)
);
CREATE INDEX digests_by_request ON vault.digests (request_id);

-- Free text (reasons of holds and the like); events carry note_id only.
CREATE TABLE vault.notes (
  note_id    text  PRIMARY KEY,
  request_id text  NOT NULL,
  epoch      text  NOT NULL,
  sealed     bytea NOT NULL
);
CREATE INDEX notes_by_request ON vault.notes (request_id);

-- Read models hold event values only, no clock and no serial: a rebuild must be equal byte by byte.
-- All times are epoch milliseconds.
CREATE SCHEMA read_model;

CREATE TABLE read_model.requests (
  request_id        text    PRIMARY KEY,
  tenant_id         text    NOT NULL,
  subject_ref       text    NOT NULL,
  version           bigint  NOT NULL,
  status            text    NOT NULL,
  regime            text    NOT NULL,
  channel           text    NOT NULL,
  requester_role    text    NOT NULL,
  requested_by      text    NOT NULL,
  ground            text    NOT NULL,
  received_at       bigint  NOT NULL,
  due_at            bigint  NOT NULL,
  run_at            bigint,
  map_version       integer,
  review_code       text,
  awaiting_approval text,
  holds             jsonb   NOT NULL,
  systems_total     integer NOT NULL,
  systems_done      integer NOT NULL,
  first_grant_at    bigint,
  live_erased_at    bigint,
  completed_at      bigint,
  backup_clear_at   bigint,
  backup_clear      boolean NOT NULL,
  failure           jsonb,
  partial           jsonb,
  refusal           jsonb,
  extension         jsonb,
  attention         jsonb,
  next_action_at    bigint
);
CREATE INDEX requests_by_time ON read_model.requests (received_at DESC, request_id DESC);
CREATE INDEX requests_by_tenant ON read_model.requests (tenant_id, received_at DESC, request_id DESC);
CREATE INDEX requests_by_status ON read_model.requests (status, received_at DESC, request_id DESC);
CREATE INDEX requests_by_due ON read_model.requests (due_at, request_id);
CREATE INDEX requests_by_subject ON read_model.requests (subject_ref);
CREATE INDEX requests_by_wake ON read_model.requests (next_action_at, request_id) WHERE next_action_at IS NOT NULL;

CREATE TABLE read_model.steps (
  request_id text    NOT NULL,
  step_id    text    NOT NULL,
  system_id  text    NOT NULL,
  tenant_id  text    NOT NULL,
  stage      integer NOT NULL,
  status     text    NOT NULL,
  detail     jsonb   NOT NULL,
  PRIMARY KEY (request_id, step_id)
);
CREATE INDEX steps_by_system ON read_model.steps (system_id, status, request_id);

CREATE TABLE read_model.verifications (
  request_id text   NOT NULL,
  system_id  text   NOT NULL,
  tenant_id  text   NOT NULL,
  status     text   NOT NULL,
  result     text,
  checked_at bigint,
  detail     jsonb  NOT NULL,
  PRIMARY KEY (request_id, system_id)
);
CREATE INDEX verifications_by_system ON read_model.verifications (system_id, result, request_id);
CREATE INDEX verifications_by_tenant ON read_model.verifications (tenant_id, request_id, system_id);

CREATE TABLE read_model.tombstones (
  tombstone_id text    PRIMARY KEY,
  request_id   text    NOT NULL,
  system_id    text    NOT NULL,
  tenant_id    text    NOT NULL,
  subject_ref  text    NOT NULL,
  sequence     bigint  NOT NULL,
  epoch        text    NOT NULL,
  map_version  integer NOT NULL,
  effective_at bigint  NOT NULL,
  expires_at   bigint  NOT NULL,
  recur_every  text,
  held_until   bigint
);
CREATE INDEX tombstones_by_request ON read_model.tombstones (request_id);
CREATE INDEX tombstones_by_system ON read_model.tombstones (system_id, expires_at, tombstone_id);

CREATE SCHEMA audit;

-- Every answer to a request for clearance; rows are only ever added.
CREATE TABLE audit.clearances (
  id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            bigint NOT NULL,
  credential_id text   NOT NULL,
  system_id     text   NOT NULL,
  purpose       text   NOT NULL,
  request_id    text   NOT NULL,
  pass_id       text   NOT NULL,
  attempt       integer NOT NULL,
  decision      text   NOT NULL,
  code          text,
  grant_id      text
);
CREATE INDEX clearances_by_request ON audit.clearances (request_id, id);
