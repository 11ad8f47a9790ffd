-- Read models. All of them can be dropped and rebuilt from the log.
CREATE TABLE session_index (
    session     BLOB PRIMARY KEY CHECK (length(session) = 16),
    tenant      TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    working_dir TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL,
    state       TEXT    NOT NULL -- the fold, as JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX session_index_by_owner ON session_index (tenant, owner, updated_at, session);
CREATE INDEX session_index_by_updated_at ON session_index (tenant, updated_at, session);
CREATE INDEX session_index_by_status ON session_index (status) WHERE status <> 'idle';

-- Titles, prompts and results, for finding substrings of three characters and more without a scan.
CREATE VIRTUAL TABLE session_text USING fts5 (session UNINDEXED, text, tokenize = 'trigram');

-- What waits for people.
CREATE TABLE pending_requests (
    position   INTEGER PRIMARY KEY, -- of the event that asked
    session    BLOB NOT NULL CHECK (length(session) = 16),
    tenant     TEXT NOT NULL,
    owner      TEXT NOT NULL,
    request_id TEXT NOT NULL,
    view       TEXT NOT NULL -- as the API shows it, JSON
) STRICT;

CREATE INDEX pending_requests_by_session ON pending_requests (session, request_id);
CREATE INDEX pending_requests_by_owner ON pending_requests (tenant, owner, position);

CREATE TABLE usage_by_day (
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

-- What calls of models have cost, by the server's own count.
CREATE TABLE model_spend (
    month                       TEXT    NOT NULL, -- of UTC, as 2026-01
    tenant                      TEXT    NOT NULL,
    owner                       TEXT    NOT NULL,
    key                         TEXT    NOT NULL, -- which key paid; empty for the operator's own
    calls                       INTEGER NOT NULL,
    cost_micros                 INTEGER NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    PRIMARY KEY (month, tenant, owner, key)
) STRICT, WITHOUT ROWID;

-- Aggregates of kinds that the log keeps a row of, folded.
CREATE TABLE aggregates (
    stream  BLOB PRIMARY KEY CHECK (length(stream) = 16),
    kind    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    state   TEXT    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX aggregates_by_kind ON aggregates (kind, tenant);
