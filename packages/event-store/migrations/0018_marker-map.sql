-- The data map in force when a restored copy was marked: its tables are those of that map, not of today's. Null where
-- the marker does not say.
ALTER TABLE restore.restores ADD COLUMN marker_map integer;
