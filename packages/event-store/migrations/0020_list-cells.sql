-- Every list of requests is read along an index that begins with what most filters name: the tenant, the status, whether
-- the person is gone from live systems and whether from backups too. Within such a cell both orders stand ready, so a page
-- costs the same where what fits lies together at the far end of an order. Including what else a filter asks of a row
-- keeps the search inside the index; `live_erased_at` is there because only a column lets it.
CREATE INDEX requests_by_cell ON read_model.requests
  (status, (live_erased_at IS NOT NULL), backup_clear, received_at DESC, request_id DESC)
  INCLUDE (due_at, regime, live_erased_at);
CREATE INDEX requests_by_cell_due ON read_model.requests
  (status, (live_erased_at IS NOT NULL), backup_clear, due_at, request_id)
  INCLUDE (received_at, regime, live_erased_at);
CREATE INDEX requests_by_tenant_cell ON read_model.requests
  (tenant_id, status, (live_erased_at IS NOT NULL), backup_clear, received_at DESC, request_id DESC)
  INCLUDE (due_at, regime, live_erased_at);
CREATE INDEX requests_by_tenant_cell_due ON read_model.requests
  (tenant_id, status, (live_erased_at IS NOT NULL), backup_clear, due_at, request_id)
  INCLUDE (received_at, regime, live_erased_at);
-- What they do better.
DROP INDEX read_model.requests_by_status, read_model.requests_by_tenant, read_model.requests_by_tenant_due,
  read_model.requests_open_by_due;
DROP INDEX read_model.requests_by_time, read_model.requests_by_due;
CREATE INDEX requests_by_time ON read_model.requests (received_at DESC, request_id DESC) INCLUDE (due_at, regime);
CREATE INDEX requests_by_due ON read_model.requests (due_at, request_id) INCLUDE (received_at, regime);
-- Deadlines that come sooner than any regime has them, of which there should be none: whatever is due before a moment was
-- received 27 days before it, or is here.
CREATE INDEX requests_short_period ON read_model.requests ((due_at - received_at))
  WHERE due_at - received_at < 2332800000;

-- The requests of one system in the order of receipt; before, they were not in any order.
ALTER TABLE read_model.steps ADD COLUMN received_at bigint;
UPDATE read_model.steps AS step SET received_at = request.received_at
  FROM read_model.requests AS request WHERE request.request_id = step.request_id;
ALTER TABLE read_model.steps ALTER COLUMN received_at SET NOT NULL;
DROP INDEX read_model.steps_by_system;
CREATE INDEX steps_by_system ON read_model.steps (system_id, received_at DESC, request_id DESC);

-- The pass that has waited longest for its acknowledgement is the first one, and not looked for among all under way.
DROP INDEX read_model.steps_under_way;
CREATE INDEX steps_unacknowledged ON read_model.steps (((detail ->> 'requestedAt')::bigint), request_id, step_id)
  INCLUDE (tenant_id)
  WHERE status = 'IN_PROGRESS' AND detail ->> 'acknowledgedAt' IS NULL AND detail ->> 'requestedAt' IS NOT NULL
    AND NOT detail ? 'task';
