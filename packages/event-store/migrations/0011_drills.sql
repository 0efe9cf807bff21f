-- Restore drills: how far one has come, what it found, and a record of it that can't be changed unnoticed. Times are
-- epoch milliseconds.
ALTER TABLE restore.drills
  ADD COLUMN asked_by text NOT NULL DEFAULT 'unknown',
  ADD COLUMN trigger  text NOT NULL DEFAULT 'person' CHECK (trigger IN ('person', 'schedule')),
  ADD COLUMN phase    text NOT NULL DEFAULT 'asked' CHECK (phase IN ('asked', 'checking', 'planting', 'backing_up',
    'erasing', 'restoring', 'looking', 'replaying', 'probing', 'clearing', 'ended')),
  ADD COLUMN verdict  text CHECK (verdict IN ('passed', 'failed', 'proves_nothing', 'stopped')),
  ADD COLUMN reasons  jsonb NOT NULL DEFAULT '[]',
  -- The made-up person of this drill: tenant, identifiers and the request they are erased with. Nobody real.
  ADD COLUMN canary   jsonb,
  -- Somebody asked for its end.
  ADD COLUMN stopping boolean NOT NULL DEFAULT false,
  -- SHA-256 over the evidence and the hash of the system's drill before; signed with a key outside this database.
  ADD COLUMN prev_hash text,
  ADD COLUMN hash      text,
  ADD COLUMN mac       text;
-- One at a time for each system.
CREATE UNIQUE INDEX drills_under_way ON restore.drills (system_id) WHERE finished_at IS NULL;
