-- These rows are updated several times within seconds of being written. With room left on their page an update
-- stays on it and touches no index; on a full page it writes a new entry into every index of the table.
ALTER TABLE events.streams SET (fillfactor = 60);
ALTER TABLE read_model.steps SET (fillfactor = 50);
ALTER TABLE read_model.verifications SET (fillfactor = 50);
ALTER TABLE read_model.requests SET (fillfactor = 60);

-- Rows come and go with every message: vacuumed by number, not by a share of a table that is nearly empty.
ALTER TABLE outbox.message SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
