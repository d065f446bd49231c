-- Closed calls whose record the database refused for good: the whole record, and what an operator
-- decided about it. Nothing here is checked that could refuse a record once more.
CREATE TABLE quarantine (
    request_id     TEXT PRIMARY KEY,
    agent_id       TEXT NOT NULL,
    refused_at     TEXT NOT NULL,
    replica        TEXT NOT NULL,
    reason         TEXT NOT NULL,
    record         TEXT NOT NULL,
    state          TEXT NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'put_back', 'dismissed')),
    settled_at     TEXT,
    settled_by     TEXT,
    settled_reason TEXT
) STRICT;

CREATE INDEX quarantine_waiting ON quarantine (refused_at) WHERE state = 'waiting';

CREATE TRIGGER quarantine_no_delete BEFORE DELETE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantine is append only'); END;
