-- A replica says that it lives by its heartbeat. `closed`: it ended by itself with nothing left open.
-- `fenced`: it was given up, by its own next life or by another replica; what it left open is closed as lost, now or by the next reaper.
-- SQLite cannot change a CHECK, so the table is made anew.
CREATE TABLE boots_with_heartbeat (
    boot_id      TEXT PRIMARY KEY,
    replica      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'closed', 'fenced')),
    started_at   TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL
) STRICT;

INSERT INTO boots_with_heartbeat (boot_id, replica, state, started_at, heartbeat_at)
SELECT b.boot_id, b.replica,
    CASE WHEN b.state = 'closed' AND EXISTS (SELECT 1 FROM intents i WHERE i.boot_id = b.boot_id) THEN 'fenced' ELSE b.state END,
    b.started_at, b.started_at
FROM boots b;

DROP TABLE boots;
ALTER TABLE boots_with_heartbeat RENAME TO boots;

CREATE INDEX boots_state ON boots (state, heartbeat_at);
