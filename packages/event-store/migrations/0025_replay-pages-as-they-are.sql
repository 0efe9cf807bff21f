-- Ids are random: trying to compress thousands of them takes three times as long as writing them, and saves nothing.
ALTER TABLE restore.replay_pages
  ALTER COLUMN tombstone_ids SET STORAGE EXTERNAL,
  ALTER COLUMN request_ids SET STORAGE EXTERNAL;
