-- What the restore service folds of erasure.tombstones: per partition a chain over every record, in the order of
-- the topic. Checkpoints are signed, and the head is kept outside this database as well, so that a record that is
-- changed, dropped, reordered or cut off shows, and so does a backup of this whole database. Times are epoch ms.
CREATE TABLE restore.chain (
  partition    integer NOT NULL,
  "offset"     bigint  NOT NULL,
  tombstone_id text    NOT NULL,
  sequence     bigint  NOT NULL,
  -- SHA-256 of the fields the projection has as well.
  content      bytea   NOT NULL,
  -- The record has no selectors any more: its tombstone was collected.
  collected    boolean NOT NULL,
  -- SHA-256 of the hash before and of this record.
  hash         bytea   NOT NULL,
  PRIMARY KEY (partition, "offset")
);
CREATE INDEX chain_by_tombstone ON restore.chain (tombstone_id, sequence);

-- next_offset moves by compare-and-set only. live is a keyed sum over the latest record of every tombstone, which
-- compaction leaves as it is.
CREATE TABLE restore.chain_heads (
  partition   integer PRIMARY KEY,
  next_offset bigint  NOT NULL CHECK (next_offset >= 0),
  records     bigint  NOT NULL,
  hash        bytea   NOT NULL,
  live        bytea   NOT NULL
);

CREATE TABLE restore.checkpoints (
  partition integer NOT NULL,
  -- Of the last record below it.
  "offset"  bigint  NOT NULL,
  records   bigint  NOT NULL,
  hash      bytea   NOT NULL,
  at        bigint  NOT NULL,
  mac       bytea   NOT NULL,
  PRIMARY KEY (partition, "offset")
);

-- One row. The file outside this database names the same incarnation, and of beat its last value or the one it was
-- about to become; any other means that this database is not the one Lethe last worked with.
CREATE TABLE restore.self (
  id          integer PRIMARY KEY CHECK (id = 1),
  incarnation text    NOT NULL,
  beat        text    NOT NULL,
  since       bigint  NOT NULL,
  -- Why it is known to be an old copy although the file does not say so.
  suspicion   text
);

-- Tombstones that are on the topic and not in the log of this database, because it was restored. Replays use them
-- as they use the others.
CREATE TABLE restore.recovered_tombstones (
  tombstone_id text    PRIMARY KEY,
  request_id   text    NOT NULL,
  system_id    text    NOT NULL,
  tenant_id    text    NOT NULL,
  sequence     bigint  NOT NULL,
  epoch        text    NOT NULL,
  sealed       bytea,
  map_version  integer NOT NULL,
  effective_at bigint  NOT NULL,
  expires_at   bigint  NOT NULL,
  recur_every  text,
  held_until   bigint
);
CREATE INDEX recovered_in_order ON restore.recovered_tombstones (system_id, tombstone_id);
CREATE INDEX recovered_by_epoch ON restore.recovered_tombstones (epoch);

-- What became known of requests this database has lost, and what each self-restore did; kept for ever.
CREATE TABLE restore.lost_requests (
  request_id       text   PRIMARY KEY,
  tenant_id        text   NOT NULL,
  subject_ref      text   NOT NULL,
  last_status      text,
  held             boolean NOT NULL DEFAULT false,
  at               bigint NOT NULL,
  acknowledgements bigint NOT NULL DEFAULT 0
);
CREATE TABLE restore.self_restores (
  self_id       text   PRIMARY KEY,
  began_at      bigint NOT NULL,
  finished_at   bigint,
  by            text   NOT NULL,
  reasons       jsonb  NOT NULL,
  report        jsonb
);

-- A store's marker was written after the backup this database came from: not knowing it proves nothing.
ALTER TABLE restore.markers ADD COLUMN adopt boolean NOT NULL DEFAULT false;

-- What has really been collected, whatever rows are left: the youngest and how many.
CREATE TABLE restore.collected (
  system_id         text   PRIMARY KEY,
  tombstones        bigint NOT NULL,
  last_effective_at bigint NOT NULL
);

-- A tombstone the log knows may go when it has expired, not before. Looked at when the transaction ends, so that a
-- rebuild may put the rows in anew.
CREATE FUNCTION restore.guard_tombstone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog AS $$
DECLARE
  now_ms bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
  IF EXISTS (SELECT FROM read_model.tombstones t
             WHERE t.tombstone_id = OLD.tombstone_id AND t.expires_at >= OLD.expires_at) THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (SELECT FROM events.events e WHERE e.stream_id = OLD.request_id AND e.type = 'TombstoneWritten'
                 AND e.data->>'tombstoneId' = OLD.tombstone_id) THEN
    RETURN NULL;
  END IF;
  IF OLD.expires_at > now_ms OR OLD.recur_every IS NOT NULL OR coalesce(OLD.held_until, 0) > now_ms THEN
    RAISE EXCEPTION 'tombstone % of system % is still needed: collecting it early is refused',
      OLD.tombstone_id, OLD.system_id USING ERRCODE = 'integrity_constraint_violation',
      HINT = 'A tombstone outlives the longest backup of its system; wait for its expiry.';
  END IF;
  IF TG_OP = 'DELETE' THEN
    INSERT INTO restore.collected AS c (system_id, tombstones, last_effective_at)
    VALUES (OLD.system_id, 1, OLD.effective_at)
    ON CONFLICT (system_id) DO UPDATE SET tombstones = c.tombstones + 1,
      last_effective_at = greatest(c.last_effective_at, excluded.last_effective_at);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tombstone_not_early AFTER DELETE ON read_model.tombstones
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION restore.guard_tombstone();
CREATE CONSTRAINT TRIGGER tombstone_not_shortened AFTER UPDATE ON read_model.tombstones
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.expires_at < OLD.expires_at OR
    NEW.tombstone_id <> OLD.tombstone_id) EXECUTE FUNCTION restore.guard_tombstone();

CREATE FUNCTION restore.refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'tombstones are collected one by one, when they have expired'
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER tombstones_not_truncated BEFORE TRUNCATE ON read_model.tombstones
  FOR EACH STATEMENT EXECUTE FUNCTION restore.refuse_truncate();
CREATE TRIGGER chain_not_truncated BEFORE TRUNCATE ON restore.chain
  FOR EACH STATEMENT EXECUTE FUNCTION restore.refuse_truncate();

REVOKE ALL ON restore.chain, restore.chain_heads, restore.checkpoints, restore.self, restore.recovered_tombstones,
  restore.lost_requests, restore.self_restores, restore.collected FROM PUBLIC;
-- The chain is only ever added to.
GRANT SELECT, INSERT ON restore.chain, restore.checkpoints TO lethe_restore;
GRANT SELECT, INSERT, UPDATE ON restore.chain_heads, restore.self, restore.recovered_tombstones,
  restore.lost_requests, restore.self_restores TO lethe_restore;
GRANT DELETE ON restore.recovered_tombstones TO lethe_restore;
GRANT SELECT ON restore.collected TO lethe_restore;
GRANT USAGE ON SCHEMA inbox TO lethe_restore;
GRANT SELECT ON inbox.offsets TO lethe_restore;
GRANT SELECT ON restore.chain, restore.chain_heads, restore.self, restore.recovered_tombstones, restore.lost_requests
  TO lethe_request;
GRANT SELECT ON restore.backups TO lethe_request;
GRANT USAGE ON SCHEMA restore TO lethe_aggregator;
GRANT SELECT ON restore.chain, restore.chain_heads, restore.self TO lethe_aggregator;
GRANT SELECT ON restore.chain, restore.chain_heads, restore.checkpoints, restore.self, restore.recovered_tombstones,
  restore.lost_requests, restore.self_restores, restore.collected TO lethe_ops;
