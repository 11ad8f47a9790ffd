-- What the log is about beside sessions, whose it is, and where requests came from.
ALTER TABLE events ADD COLUMN kind TEXT NOT NULL DEFAULT 'session';
ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';
ALTER TABLE events ADD COLUMN address TEXT;

-- Aggregates other than sessions, folded. Can be rebuilt from the log.
CREATE TABLE aggregates (
    stream  BLOB PRIMARY KEY CHECK (length(stream) = 16),
    kind    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    state   TEXT    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX aggregates_by_kind ON aggregates (kind, tenant);

-- Sealed with a key that is not in the database. Not in the log, so that they can be destroyed.
CREATE TABLE secrets (
    id     BLOB PRIMARY KEY CHECK (length(id) = 16),
    tenant TEXT NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE session_index ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';
DROP INDEX session_index_by_updated_at;
CREATE INDEX session_index_by_owner ON session_index (tenant, owner, updated_at, session);
CREATE INDEX session_index_by_updated_at ON session_index (tenant, updated_at, session);

ALTER TABLE pending_requests ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';
DROP INDEX pending_requests_by_owner;
CREATE INDEX pending_requests_by_owner ON pending_requests (tenant, owner, position);

CREATE TABLE usage_by_tenant_and_day (
    tenant                      TEXT    NOT NULL,
    day                         TEXT    NOT NULL,
    owner                       TEXT    NOT NULL,
    model                       TEXT    NOT NULL,
    turns                       INTEGER NOT NULL,
    cost_micros                 INTEGER NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, owner, model)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_by_tenant_and_day SELECT 'default', * FROM usage_by_day;
DROP TABLE usage_by_day;
ALTER TABLE usage_by_tenant_and_day RENAME TO usage_by_day;
