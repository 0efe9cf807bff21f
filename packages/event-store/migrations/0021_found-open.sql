-- When the gate of a restore was last seen shut: somebody who breaks the glass while Lethe is down did it later.
ALTER TABLE restore.restores ADD COLUMN seen_shut_at bigint;
