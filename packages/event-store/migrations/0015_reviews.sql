-- Records found by an e-mail or phone number alone, of which nobody can say whether they are of the erased person or of
-- somebody who came back: a person decides. Times are epoch milliseconds.
CREATE TABLE restore.reviews (
  review_id    text   PRIMARY KEY,
  system_id    text   NOT NULL,
  tombstone_id text   NOT NULL,
  request_id   text   NOT NULL,
  -- The restore or sweep that found them last.
  restore_id   text   NOT NULL,
  -- Matches per collection.
  found        jsonb  NOT NULL,
  found_at     bigint NOT NULL,
  -- `keep` stays. `erase` is for once: done_at says when it was carried out, and what is found later is asked anew.
  decision     text   CHECK (decision IN ('keep', 'erase')),
  decided_at   bigint,
  decided_by   text,
  ticket       text,
  done_at      bigint,
  UNIQUE (system_id, tombstone_id)
);
CREATE INDEX reviews_open ON restore.reviews (system_id) WHERE decision IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON restore.reviews TO lethe_restore;
GRANT SELECT ON restore.reviews TO lethe_ops;
