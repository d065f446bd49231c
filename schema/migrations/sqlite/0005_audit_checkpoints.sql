-- Signed checkpoints over the heads of all audit chains. `heads` lists those that changed since the checkpoint before.
CREATE TABLE audit_checkpoints (
    number        INTEGER PRIMARY KEY CHECK (number > 0),
    created_at    TEXT NOT NULL,
    tree_size     INTEGER NOT NULL CHECK (tree_size >= 0),
    heads_count   INTEGER NOT NULL CHECK (heads_count >= 0),
    merkle_root   TEXT NOT NULL,
    previous_hash TEXT,
    hash          TEXT NOT NULL,
    public_key    TEXT NOT NULL,
    signature     TEXT NOT NULL,
    heads         TEXT NOT NULL
) STRICT;

-- What the newest checkpoint covers: no proof of anything, it only spares the next one the whole history.
CREATE TABLE audit_heads (
    agent_id   TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL,
    event_hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The public list of events, newest first, is read along this.
CREATE INDEX audit_events_newest ON audit_events (created_at, event_hash);

-- A tenant whose name begins with `internal-` is not in the public list.
ALTER TABLE tenants ADD COLUMN name TEXT;

CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append only'); END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append only'); END;
CREATE INDEX inferences_receipt ON inferences (receipt_id);

-- Every chain and where it ends, of agents and of tenants' pools alike.
CREATE VIEW audit_chain_ends AS
    SELECT agent_id, audit_seq, audit_head FROM accounts UNION ALL SELECT tenant_id, audit_seq, audit_head FROM tenant_accounts;
