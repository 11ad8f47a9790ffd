-- A read model: which sessions have a tag. It can be dropped and rebuilt from the log.
CREATE TABLE session_tags (
    tenant  TEXT NOT NULL,
    tag     TEXT NOT NULL,
    session BLOB NOT NULL CHECK (length(session) = 16),
    PRIMARY KEY (tenant, tag, session)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_tags_by_session ON session_tags (session);

INSERT INTO session_tags (tenant, tag, session)
SELECT DISTINCT i.tenant, tag.value, i.session
FROM session_index AS i, json_each(i.state, '$.head.tags') AS tag;
