-- How many requests there are of each kind, kept by whoever writes the read models and in the same transaction.
-- A row adds to its cell or takes from it; what there is, is the sum. Writers so never wait for each other over a
-- counter, and whoever joins the rows of a cell changes no sum.
CREATE TABLE read_model.request_counts (
  tenant_id    text    NOT NULL,
  status       text    NOT NULL,
  live_erased  boolean NOT NULL,
  backup_clear boolean NOT NULL,
  n            bigint  NOT NULL
);
ALTER TABLE read_model.request_counts SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
INSERT INTO read_model.request_counts
  SELECT tenant_id, status, live_erased_at IS NOT NULL, backup_clear, count(*) FROM read_model.requests
  GROUP BY 1, 2, 3, 4;

REVOKE ALL ON read_model.request_counts FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON read_model.request_counts TO lethe_request, lethe_aggregator;
GRANT SELECT ON read_model.request_counts TO lethe_ops;

-- Deadlines of what is still open, however many requests have ended.
CREATE INDEX requests_open_by_due ON read_model.requests (due_at, request_id) INCLUDE (tenant_id, status)
  WHERE status IN ('PENDING', 'AWAITING_IDENTITY', 'AWAITING_APPROVAL', 'SCHEDULED', 'IN_PROGRESS',
    'AWAITING_VERIFICATION', 'PARTIALLY_COMPLETED', 'FAILED', 'ON_HOLD');
-- A regime that few requests have is not looked for among all of them.
CREATE INDEX requests_by_regime ON read_model.requests (regime, received_at DESC, request_id DESC);
-- Passes under way, to find the one that has waited longest.
CREATE INDEX steps_under_way ON read_model.steps (request_id, step_id) WHERE status = 'IN_PROGRESS';
-- Who sees one tenant only sees its deadlines.
CREATE INDEX requests_by_tenant_due ON read_model.requests (tenant_id, due_at, request_id);
