-- The systems of a request, two bits for each, so that an index of requests tells of most that they do not have one:
-- `marksOf` of the request log, in SQL. Only what has them all is looked up among the steps.
DROP INDEX read_model.requests_by_cell, read_model.requests_by_cell_due, read_model.requests_by_tenant_cell,
  read_model.requests_by_tenant_cell_due, read_model.requests_by_time, read_model.requests_by_due,
  read_model.requests_by_regime, read_model.requests_short_period;
ALTER TABLE read_model.requests ADD COLUMN system_marks bigint;
WITH digests AS (
  SELECT request_id, sha256(convert_to(system_id, 'UTF8')) AS of_system FROM read_model.steps
), marks AS (
  SELECT request_id,
    bit_or((1::bigint << ((get_byte(of_system, 0) * 256 + get_byte(of_system, 1)) % 52))
         | (1::bigint << ((get_byte(of_system, 2) * 256 + get_byte(of_system, 3)) % 52))) AS of_request
  FROM digests GROUP BY request_id
)
UPDATE read_model.requests AS request SET system_marks = coalesce(marks.of_request, 0)
  FROM read_model.requests AS one LEFT JOIN marks USING (request_id) WHERE one.request_id = request.request_id;
-- Without a default: a writer that does not know the column is refused, and does not leave requests nobody finds.
ALTER TABLE read_model.requests ALTER COLUMN system_marks SET NOT NULL;

-- The same indexes once more, with the marks: whatever a filter asks of a request is asked inside the index. A cell is
-- parted into requests with systems and those that have none yet or never had: whoever asks for a system passes these by.
CREATE INDEX requests_by_cell ON read_model.requests
  (status, (live_erased_at IS NOT NULL), backup_clear, (system_marks <> 0), received_at DESC, request_id DESC)
  INCLUDE (due_at, regime, live_erased_at, system_marks);
CREATE INDEX requests_by_cell_due ON read_model.requests
  (status, (live_erased_at IS NOT NULL), backup_clear, (system_marks <> 0), due_at, request_id)
  INCLUDE (received_at, regime, live_erased_at, system_marks);
CREATE INDEX requests_by_tenant_cell ON read_model.requests
  (tenant_id, status, (live_erased_at IS NOT NULL), backup_clear, (system_marks <> 0), received_at DESC, request_id DESC)
  INCLUDE (due_at, regime, live_erased_at, system_marks);
CREATE INDEX requests_by_tenant_cell_due ON read_model.requests
  (tenant_id, status, (live_erased_at IS NOT NULL), backup_clear, (system_marks <> 0), due_at, request_id)
  INCLUDE (received_at, regime, live_erased_at, system_marks);
CREATE INDEX requests_by_time ON read_model.requests (received_at DESC, request_id DESC)
  INCLUDE (due_at, regime, system_marks);
CREATE INDEX requests_by_due ON read_model.requests (due_at, request_id) INCLUDE (received_at, regime, system_marks);
CREATE INDEX requests_by_regime ON read_model.requests (regime, received_at DESC, request_id DESC)
  INCLUDE (due_at, tenant_id, status, live_erased_at, backup_clear, system_marks);
-- How long after its receipt a request is due, where that is not about a month: the shortest and the longest of them tell
-- between which moments of receipt a range of deadlines lies.
CREATE INDEX requests_odd_period ON read_model.requests ((due_at - received_at))
  WHERE due_at - received_at < 2332800000 OR due_at - received_at > 2678400000;
