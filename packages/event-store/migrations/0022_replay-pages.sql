-- What a page of a replay did to its people, one row for all to whom the same happened: a row for each person took as long
-- as erasing them. People found one by one (by digests, by sweeps) still have a row each in restore.replays.
CREATE TABLE restore.replay_pages (
  restore_id    text    NOT NULL,
  run           integer NOT NULL,
  -- The last tombstone of the page.
  last          text    NOT NULL,
  part          integer NOT NULL,
  outcome       text    NOT NULL,
  counts        jsonb   NOT NULL,
  error_code    text,
  tombstone_ids text[]  NOT NULL,
  request_ids   text[]  NOT NULL,
  PRIMARY KEY (restore_id, run, last, part)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON restore.replay_pages TO lethe_restore;
GRANT SELECT ON restore.replay_pages TO lethe_ops;

-- Nobody looks for a request there.
DROP INDEX restore.replays_by_request;
