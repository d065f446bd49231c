-- Declared breaks of the audit, signed and linked: from `parted_after` on, checkpoints up to `lost_number` were signed that this database has not.
-- `body` is the whole record as it was signed.
CREATE TABLE audit_breaks (
    number bigint PRIMARY KEY CHECK (number > 0),
    hash   text NOT NULL UNIQUE,
    body   text NOT NULL
);

-- What a replica found at its start or at a signature: this database lacks a checkpoint that was signed. While one is open nothing is signed.
CREATE TABLE audit_partings (
    lost_hash  text PRIMARY KEY,
    body       text NOT NULL,
    settled_by bigint
);

CREATE TRIGGER audit_breaks_append_only BEFORE UPDATE OR DELETE ON audit_breaks FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_breaks_not_truncated BEFORE TRUNCATE ON audit_breaks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
