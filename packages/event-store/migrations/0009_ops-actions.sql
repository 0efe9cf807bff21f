-- What people did through the ops service, and their sessions; rows are only ever added, and ops can not read them
-- back. Of every action one row before it is done and one with its outcome. Names nobody. Epoch milliseconds.
CREATE TABLE audit.actions (
  id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            bigint NOT NULL,
  action_id     text   NOT NULL,
  credential_id text   NOT NULL,
  session_id    text,
  action        text   NOT NULL,
  target        text   NOT NULL,
  outcome       text   NOT NULL
);
CREATE INDEX actions_by_target ON audit.actions (target, id);
REVOKE ALL ON audit.actions FROM PUBLIC;
GRANT INSERT ON audit.actions TO lethe_ops;

-- Residues first, in the matrix of requests and systems.
CREATE INDEX verifications_by_finding ON read_model.verifications (result, request_id)
  WHERE result IN ('residual', 'inconclusive');
