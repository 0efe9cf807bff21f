-- One role per service, with what docs/contracts give it and no more. Roles belong to the whole
-- server, so another database may have made them already, even at this very moment. They log in
-- without a password: pg_hba decides how, and an operator sets one with ALTER ROLE.
DO $$
DECLARE wanted record;
BEGIN
  FOR wanted IN SELECT * FROM (VALUES
    ('lethe_request', 'LOGIN'), ('lethe_aggregator', 'LOGIN'), ('lethe_ops', 'LOGIN'),
    ('lethe_connect', 'LOGIN REPLICATION')) AS role(name, options)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.options);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        RAISE NOTICE 'role % was made by another migration at the same time', wanted.name;
      END;
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO lethe_request, lethe_aggregator, lethe_ops, lethe_connect',
    current_database());
END $$;

REVOKE ALL ON SCHEMA public, events, outbox, inbox, vault, read_model, audit FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA events, outbox, inbox, vault, read_model, audit FROM PUBLIC;

-- The log is append-only for everyone.
GRANT USAGE ON SCHEMA events TO lethe_request, lethe_aggregator;
GRANT SELECT, INSERT ON events.events TO lethe_request, lethe_aggregator;
GRANT SELECT, INSERT, UPDATE ON events.streams, events.snapshots TO lethe_request, lethe_aggregator;
GRANT SELECT, INSERT ON events.idempotency, events.data_maps TO lethe_request;
GRANT SELECT ON events.data_maps TO lethe_aggregator;

-- DELETE is for confirmed rows.
GRANT USAGE ON SCHEMA outbox TO lethe_request, lethe_aggregator, lethe_connect;
GRANT SELECT, INSERT, DELETE ON outbox.message TO lethe_request, lethe_aggregator;
-- SELECT … FOR UPDATE asks for the right to update one column, which the reconciler never does.
GRANT UPDATE (attempt) ON outbox.message TO lethe_request;
GRANT SELECT ON outbox.message TO lethe_connect;
GRANT SELECT, INSERT, UPDATE ON outbox.heartbeat TO lethe_connect;

GRANT USAGE ON SCHEMA inbox TO lethe_aggregator;
GRANT SELECT, INSERT, DELETE ON inbox.processed TO lethe_aggregator;
GRANT SELECT, INSERT, UPDATE ON inbox.offsets TO lethe_aggregator;

-- The aggregator publishes tombstones with their sealed selectors; it holds no key that opens them.
GRANT USAGE ON SCHEMA vault TO lethe_request, lethe_aggregator;
GRANT SELECT ON vault.entries TO lethe_aggregator;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vault TO lethe_request;

-- DELETE is for rows a request no longer has, such as a tombstone that another one replaced.
GRANT USAGE ON SCHEMA read_model TO lethe_request, lethe_aggregator, lethe_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read_model TO lethe_request, lethe_aggregator;
GRANT SELECT ON ALL TABLES IN SCHEMA read_model TO lethe_ops;

GRANT USAGE ON SCHEMA audit TO lethe_request;
GRANT SELECT, INSERT ON audit.clearances TO lethe_request;
