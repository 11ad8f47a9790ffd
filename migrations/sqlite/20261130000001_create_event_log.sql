-- The log. Rows are only ever added, each at the next position of its shard and the next version of its stream.
-- This database is one shard.
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    shard           INTEGER NOT NULL DEFAULT 0 CHECK (shard = 0),
    stream          BLOB    NOT NULL CHECK (length(stream) = 16),
    kind            TEXT    NOT NULL, -- of which aggregate the stream tells
    tenant          TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    schema          INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL, -- microseconds since 1970, UTC
    command_id      BLOB    NOT NULL CHECK (length(command_id) = 16),
    actor           TEXT    NOT NULL,
    http_request_id TEXT,
    address         TEXT,
    layout          INTEGER NOT NULL, -- what the hash covers
    codec           INTEGER NOT NULL, -- 0: JSON text; 1: SHA-256 of a blob that holds it
    payload_hash    BLOB    NOT NULL CHECK (length(payload_hash) = 32),
    hash            BLOB    NOT NULL CHECK (length(hash) = 32),
    payload         BLOB    NOT NULL,
    UNIQUE (stream, version)
) STRICT;

-- What people and programs did, and what they were refused: a small part of the log, found without the rest.
CREATE INDEX events_of_people ON events (tenant, position)
WHERE kind <> 'session' OR actor NOT IN ('agent', 'system');

-- INSERT OR REPLACE fires no delete trigger, so the insert itself is guarded too. It takes the whole transaction
-- back and not only its statement: for the latter SQLite keeps a copy of every page that an insert of many rows
-- changes.
CREATE TRIGGER events_next_only BEFORE INSERT ON events
WHEN NEW.position IS NOT 1 + coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)
  OR NEW.version IS NOT 1 + coalesce(
      (SELECT version FROM events WHERE stream = NEW.stream ORDER BY version DESC LIMIT 1), 0)
BEGIN
    SELECT raise(ROLLBACK, 'events: not the next position and version');
END;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events: append only');
END;

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events: append only');
END;

-- Payloads too large for the log itself, by their content.
CREATE TABLE blobs (
    hash  BLOB PRIMARY KEY CHECK (length(hash) = 32),
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The same content is there already; nothing may replace it.
CREATE TRIGGER blobs_keep_first BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE hash = NEW.hash)
BEGIN
    SELECT raise(IGNORE);
END;

CREATE TRIGGER blobs_no_update BEFORE UPDATE ON blobs
BEGIN
    SELECT raise(ABORT, 'blobs: append only');
END;

CREATE TRIGGER blobs_no_delete BEFORE DELETE ON blobs
BEGIN
    SELECT raise(ABORT, 'blobs: append only');
END;

-- Where the events of commands are that a client may retry. Kept for a day.
CREATE TABLE commands (
    command_id    BLOB PRIMARY KEY CHECK (length(command_id) = 16),
    stream        BLOB    NOT NULL,
    first_version INTEGER NOT NULL,
    last_version  INTEGER NOT NULL,
    request_hash  BLOB    NOT NULL,
    recorded_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX commands_by_age ON commands (recorded_at);

-- Sealed with a key that is not in the database. Not in the log, so that they can be destroyed.
CREATE TABLE secrets (
    id     BLOB PRIMARY KEY CHECK (length(id) = 16),
    tenant TEXT NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The agent's own files of each session, as they are now: pieces that follow one another, each compressed.
-- A file that only grew gets one piece more.
CREATE TABLE agent_files (
    session BLOB    NOT NULL CHECK (length(session) = 16),
    path    TEXT    NOT NULL,
    start   INTEGER NOT NULL, -- bytes of the file before this piece
    length  INTEGER NOT NULL, -- bytes of the file in this piece
    hash    BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the file up to the end of this piece
    bytes   BLOB    NOT NULL, -- the piece, compressed with deflate
    PRIMARY KEY (session, path, start)
) STRICT, WITHOUT ROWID;
