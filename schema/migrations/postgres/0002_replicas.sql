-- A replica says that it lives by its heartbeat, in the time of this database. `closed`: it ended by itself with nothing left open.
-- `fenced`: it was given up, by its own next life or by another replica; what it left open is closed as lost, now or by the next reaper.
ALTER TABLE boots ADD COLUMN heartbeat_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE boots DROP CONSTRAINT boots_state_check;
ALTER TABLE boots ADD CONSTRAINT boots_state_check CHECK (state IN ('open', 'closed', 'fenced'));
UPDATE boots SET state = 'fenced' WHERE state = 'closed' AND EXISTS (SELECT 1 FROM intents i WHERE i.boot_id = boots.boot_id);

CREATE INDEX boots_state ON boots (state, heartbeat_at);
