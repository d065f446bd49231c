-- Keys that callers gave their calls. A row is the right to run; whoever finds one that has not expired runs nothing.
-- `answer` is the stream as it was sent, for a call that succeeded; `summary` tells of the call where there is no answer to give again.
CREATE TABLE idempotency_keys (
    agent_id    TEXT NOT NULL,
    key_sha256  BLOB NOT NULL CHECK (length(key_sha256) = 32),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    request_id  TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL CHECK (state IN ('in_flight', 'completed', 'not_replayable')),
    summary     TEXT,
    answer      TEXT,
    expires_at  TEXT NOT NULL,
    PRIMARY KEY (agent_id, key_sha256),
    CHECK ((state = 'in_flight') = (summary IS NULL)),
    CHECK ((state = 'completed') = (answer IS NOT NULL))
) STRICT;

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
