-- Signed checkpoints over the heads of all audit chains. `heads` lists those that changed since the checkpoint before.
CREATE TABLE audit_checkpoints (
    number        bigint PRIMARY KEY CHECK (number > 0),
    created_at    text NOT NULL,
    tree_size     bigint NOT NULL CHECK (tree_size >= 0),
    heads_count   bigint NOT NULL CHECK (heads_count >= 0),
    merkle_root   text NOT NULL,
    previous_hash text,
    hash          text NOT NULL,
    public_key    text NOT NULL,
    signature     text NOT NULL,
    heads         text NOT NULL
);

-- What the newest checkpoint covers: no proof of anything, it only spares the next one the whole history.
CREATE TABLE audit_heads (
    agent_id   uuid PRIMARY KEY,
    seq        bigint NOT NULL,
    event_hash text NOT NULL
);

-- The public list of events, newest first, is read along this.
CREATE INDEX audit_events_newest ON audit_events (created_at, event_hash);

-- A tenant whose name begins with `internal-` is not in the public list.
ALTER TABLE tenants ADD COLUMN name text;

CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_not_truncated BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX inferences_receipt ON inferences (receipt_id);

-- Every chain and where it ends, of agents and of tenants' pools alike.
CREATE VIEW audit_chain_ends AS
    SELECT agent_id, audit_seq, audit_head FROM accounts UNION ALL SELECT tenant_id, audit_seq, audit_head FROM tenant_accounts;
