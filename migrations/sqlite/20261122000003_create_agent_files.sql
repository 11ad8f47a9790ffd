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
