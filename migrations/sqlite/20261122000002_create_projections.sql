-- Read models. All of them can be dropped and rebuilt from the log.
CREATE TABLE session_index (
    session     BLOB PRIMARY KEY CHECK (length(session) = 16),
    owner       TEXT    NOT NULL,
    working_dir TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL,
    state       TEXT    NOT NULL -- the fold, as JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX session_index_by_updated_at ON session_index (owner, updated_at, session);
CREATE INDEX session_index_by_status ON session_index (status) WHERE status <> 'idle';

-- Titles, prompts and results, for finding substrings of three characters and more without a scan.
CREATE VIRTUAL TABLE session_text USING fts5 (session UNINDEXED, text, tokenize = 'trigram');

-- What waits for people.
CREATE TABLE pending_requests (
    position   INTEGER PRIMARY KEY, -- of the event that asked
    session    BLOB NOT NULL CHECK (length(session) = 16),
    owner      TEXT NOT NULL,
    request_id TEXT NOT NULL,
    view       TEXT NOT NULL -- as the API shows it, JSON
) STRICT;

CREATE INDEX pending_requests_by_session ON pending_requests (session, request_id);
CREATE INDEX pending_requests_by_owner ON pending_requests (owner, position);

CREATE TABLE usage_by_day (
    day                         TEXT    NOT NULL,
    owner                       TEXT    NOT NULL,
    model                       TEXT    NOT NULL,
    turns                       INTEGER NOT NULL,
    cost_micros                 INTEGER NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    PRIMARY KEY (day, owner, model)
) STRICT, WITHOUT ROWID;
