-- What the restore service knows: markers it wrote into stores, gates, restores with their evidence,
-- sweeps, backups and drills. All times are epoch milliseconds.
CREATE SCHEMA restore;

-- current is the value confirmed in the store; pending one that was about to be written; previous the one
-- before, which an eraser may still have read. Any other value means that another copy of the store answers.
CREATE TABLE restore.markers (
  system_id    text   PRIMARY KEY,
  previous     text,
  current      text,
  pending      text,
  receipts     bigint NOT NULL DEFAULT 0,
  identity     text,
  confirmed_at bigint NOT NULL
);

-- A system without a row is open: Lethe guards only stores that the restore service watches.
CREATE TABLE restore.gates (
  system_id  text   PRIMARY KEY,
  state      text   NOT NULL CHECK (state IN ('open', 'shut')),
  strength   text   NOT NULL CHECK (strength IN ('enforced', 'advisory')),
  restore_id text,
  -- Who got in before it shut, to be let in again.
  admitted   text[] NOT NULL DEFAULT '{}',
  reason     text,
  since      bigint NOT NULL
);

-- An eraser met a marker that Lethe did not write; the restore service looks at once.
CREATE TABLE restore.suspicions (
  system_id text   PRIMARY KEY,
  at        bigint NOT NULL
);

CREATE TABLE restore.restores (
  restore_id     text   PRIMARY KEY,
  system_id      text   NOT NULL,
  backup_id      text,
  announced_by   text   NOT NULL CHECK (announced_by IN ('hook', 'marker', 'sweep', 'operator')),
  gate_mode      text   NOT NULL CHECK (gate_mode IN ('hooked', 'unhooked', 'advisory')),
  phase          text   NOT NULL CHECK (phase IN ('announced', 'shut', 'replaying', 'probing', 'waiting', 'opened', 'superseded')),
  announced_at   bigint NOT NULL,
  shut_at        bigint,
  opened_at      bigint,
  -- When the marker found in the copy was written; null when that is not known.
  marker_at      bigint,
  marker_foreign boolean NOT NULL DEFAULT false,
  -- Milliseconds in which the store may have been used before the gate shut; null when it could not be.
  window_ms      bigint,
  sessions_ended integer NOT NULL DEFAULT 0,
  -- Which run this is: one that is run again must not find its own receipts of the run before.
  run            integer NOT NULL DEFAULT 0,
  -- The last tombstone done of the phase under way: a crash goes on behind it.
  cursor         text    NOT NULL DEFAULT '',
  tombstones     bigint  NOT NULL DEFAULT 0,
  replayed       bigint  NOT NULL DEFAULT 0,
  already_absent bigint  NOT NULL DEFAULT 0,
  held           bigint  NOT NULL DEFAULT 0,
  unreadable     bigint  NOT NULL DEFAULT 0,
  -- Passes the store would not do and probes that could not tell, by code; matches still found, by collection.
  failed         jsonb   NOT NULL DEFAULT '{}',
  inconclusive   jsonb   NOT NULL DEFAULT '{}',
  residual       jsonb   NOT NULL DEFAULT '{}',
  -- Why it waits for a person: a list of codes and what to do.
  waiting        jsonb   NOT NULL DEFAULT '[]',
  evidence       jsonb
);
CREATE INDEX restores_by_system ON restore.restores (system_id, announced_at DESC);
CREATE INDEX restores_under_way ON restore.restores (system_id) WHERE phase NOT IN ('opened', 'superseded');

-- Only what a replay changed or could not change; the many that were absent are counted above.
CREATE TABLE restore.replays (
  restore_id   text  NOT NULL,
  tombstone_id text  NOT NULL,
  request_id   text  NOT NULL,
  outcome      text  NOT NULL,
  counts       jsonb NOT NULL,
  error_code   text,
  PRIMARY KEY (restore_id, tombstone_id)
);
CREATE INDEX replays_by_request ON restore.replays (request_id);

-- A replay reads the live tombstones of one system in pages by id.
CREATE INDEX tombstones_in_order ON read_model.tombstones (system_id, tombstone_id);

CREATE TABLE restore.sweeps (
  sweep_id    text   PRIMARY KEY,
  system_id   text   NOT NULL,
  kind        text   NOT NULL CHECK (kind IN ('full', 'sample')),
  started_at  bigint NOT NULL,
  finished_at bigint,
  cursor      text   NOT NULL DEFAULT '',
  probed      bigint NOT NULL DEFAULT 0,
  residual    bigint NOT NULL DEFAULT 0,
  restore_id  text
);
CREATE INDEX sweeps_by_system ON restore.sweeps (system_id, started_at DESC);

CREATE TABLE restore.backups (
  system_id   text   NOT NULL,
  backup_id   text   NOT NULL,
  policy      text,
  taken_at    bigint NOT NULL,
  kept_until  bigint,
  reported_by text   NOT NULL,
  reported_at bigint NOT NULL,
  gone_at     bigint,
  PRIMARY KEY (system_id, backup_id)
);

CREATE TABLE restore.drills (
  drill_id    text   PRIMARY KEY,
  system_id   text   NOT NULL,
  started_at  bigint NOT NULL,
  finished_at bigint,
  passed      boolean,
  evidence    jsonb
);
CREATE INDEX drills_by_system ON restore.drills (system_id, started_at DESC);

-- Who opened, shut, announced or broke the glass; rows are only ever added.
CREATE TABLE audit.restores (
  id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            bigint NOT NULL,
  credential_id text   NOT NULL,
  system_id     text   NOT NULL,
  restore_id    text,
  action        text   NOT NULL,
  detail        jsonb  NOT NULL DEFAULT '{}'
);

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lethe_restore') THEN
    CREATE ROLE lethe_restore LOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  RAISE NOTICE 'role lethe_restore was made by another migration at the same time';
END $$;
DO $$
BEGIN
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO lethe_restore', current_database());
END $$;

REVOKE ALL ON SCHEMA restore FROM PUBLIC;
GRANT USAGE ON SCHEMA restore TO lethe_restore, lethe_request, lethe_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restore TO lethe_restore;
GRANT SELECT ON ALL TABLES IN SCHEMA restore TO lethe_ops;
-- Clearance reads the gate and says what it met; it changes nothing else.
GRANT SELECT ON restore.gates, restore.markers, restore.suspicions TO lethe_request;
GRANT INSERT ON restore.suspicions TO lethe_request;
GRANT USAGE ON SCHEMA audit TO lethe_restore;
GRANT SELECT, INSERT ON audit.restores TO lethe_restore;
GRANT USAGE ON SCHEMA read_model TO lethe_restore;
GRANT SELECT ON ALL TABLES IN SCHEMA read_model TO lethe_restore;
