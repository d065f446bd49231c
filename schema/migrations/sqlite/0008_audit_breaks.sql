-- Declared breaks of the audit, signed and linked: from `parted_after` on, checkpoints up to `lost_number` were signed that this database has not.
-- `body` is the whole record as it was signed.
CREATE TABLE audit_breaks (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    hash   TEXT NOT NULL UNIQUE,
    body   TEXT NOT NULL
) STRICT;

-- What a replica found at its start or at a signature: this database lacks a checkpoint that was signed. While one is open nothing is signed.
CREATE TABLE audit_partings (
    lost_hash  TEXT PRIMARY KEY,
    body       TEXT NOT NULL,
    settled_by INTEGER
) STRICT;

CREATE TRIGGER audit_breaks_no_update BEFORE UPDATE ON audit_breaks BEGIN SELECT RAISE(ABORT, 'audit_breaks is append only'); END;
CREATE TRIGGER audit_breaks_no_delete BEFORE DELETE ON audit_breaks BEGIN SELECT RAISE(ABORT, 'audit_breaks is append only'); END;
