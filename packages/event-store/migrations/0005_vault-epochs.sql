-- The life of each vault key. The key itself is never here: destroying it must shred its entries in every
-- backup of this database. Rows are kept for ever; they are the record of what was destroyed and when.
-- All times are epoch milliseconds.
CREATE TABLE vault.epochs (
  epoch        text   PRIMARY KEY,
  starts_at    bigint NOT NULL,
  ends_at      bigint NOT NULL,
  destroy_at   bigint NOT NULL,
  -- Nothing is sealed under it any more.
  closed_at    bigint,
  -- Decided with nothing needed left; the key may be gone from here on.
  destroying_at bigint,
  destroyed_at bigint,
  destroyed_by text,
  -- Entries and notes that became unreadable with the key.
  shredded     bigint,
  CHECK (starts_at <= ends_at AND ends_at <= destroy_at),
  CHECK (destroyed_at IS NULL OR destroying_at IS NOT NULL),
  CHECK (destroying_at IS NULL OR closed_at IS NOT NULL)
);

-- Every epoch that ever sealed something of a request, until the request is backup-clear.
CREATE TABLE vault.sealings (
  request_id text NOT NULL,
  epoch      text NOT NULL,
  PRIMARY KEY (request_id, epoch)
);
CREATE INDEX sealings_by_epoch ON vault.sealings (epoch);
INSERT INTO vault.sealings
  SELECT request_id, epoch FROM vault.entries UNION SELECT request_id, epoch FROM vault.notes;
CREATE INDEX notes_by_epoch ON vault.notes (epoch);

-- Which peppers digests were made with. The fingerprint tells a mistyped secret from the right one and
-- says nothing about it.
CREATE TABLE vault.peppers (
  version     text   PRIMARY KEY,
  fingerprint text   NOT NULL,
  -- `given` by configuration, or made in the `key_store`.
  source      text   NOT NULL,
  added_at    bigint NOT NULL,
  retired_at  bigint
);

-- Completed requests that wait for their last key to be destroyed.
CREATE INDEX requests_not_backup_clear ON read_model.requests (backup_clear_at, request_id)
  WHERE NOT backup_clear AND completed_at IS NOT NULL;

-- Every reading of the vault that is not an answer of clearance; rows are only ever added. Names nobody.
CREATE TABLE audit.vault_reads (
  id          bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          bigint NOT NULL,
  actor       text   NOT NULL,
  purpose     text   NOT NULL,
  system_id   text   NOT NULL,
  request_ids text[] NOT NULL
);
CREATE INDEX vault_reads_by_request ON audit.vault_reads USING gin (request_ids);

REVOKE ALL ON vault.epochs, vault.sealings, vault.peppers, audit.vault_reads FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON vault.epochs, vault.peppers TO lethe_request;
GRANT SELECT, INSERT, DELETE ON vault.sealings TO lethe_request;
GRANT SELECT ON vault.epochs TO lethe_aggregator;
GRANT SELECT, INSERT ON audit.vault_reads TO lethe_request;
