-- The log. Rows are only ever added, each at the next position and the next version of its stream.
CREATE TABLE events (
    position     INTEGER PRIMARY KEY,
    stream       BLOB    NOT NULL CHECK (length(stream) = 16),
    version      INTEGER NOT NULL,
    type         TEXT    NOT NULL,
    schema       INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL, -- microseconds since 1970, UTC
    command_id   BLOB    NOT NULL CHECK (length(command_id) = 16),
    actor        TEXT    NOT NULL,
    request_id   TEXT,
    codec        INTEGER NOT NULL, -- 0: JSON text; 1: SHA-256 of a blob that holds it
    payload      BLOB    NOT NULL,
    payload_hash BLOB    NOT NULL CHECK (length(payload_hash) = 32),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),
    UNIQUE (stream, version)
) STRICT;

-- INSERT OR REPLACE fires no delete trigger, so the insert itself is guarded too.
CREATE TRIGGER events_next_only BEFORE INSERT ON events
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
  OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
BEGIN
    SELECT raise(ABORT, 'events: not the next position and version');
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

-- What commands that a client may retry led to. Kept for a day.
CREATE TABLE commands (
    command_id    BLOB PRIMARY KEY CHECK (length(command_id) = 16),
    stream        BLOB    NOT NULL,
    first_version INTEGER NOT NULL,
    last_version  INTEGER NOT NULL,
    request_hash  BLOB    NOT NULL,
    recorded_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX commands_by_age ON commands (recorded_at);
