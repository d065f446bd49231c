-- Closed calls whose record the database refused for good: the whole record, and what an operator
-- decided about it. Nothing here is checked that could refuse a record once more.
CREATE TABLE quarantine (
    request_id     uuid PRIMARY KEY,
    agent_id       uuid NOT NULL,
    refused_at     timestamptz NOT NULL,
    replica        text NOT NULL,
    reason         text NOT NULL,
    record         text NOT NULL,
    state          text NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'put_back', 'dismissed')),
    settled_at     timestamptz,
    settled_by     text,
    settled_reason text
);

CREATE INDEX quarantine_waiting ON quarantine (refused_at) WHERE state = 'waiting';

CREATE TRIGGER quarantine_not_deleted BEFORE DELETE ON quarantine
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER quarantine_not_truncated BEFORE TRUNCATE ON quarantine
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
