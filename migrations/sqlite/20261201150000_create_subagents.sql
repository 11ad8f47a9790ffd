-- A read model: the subagents of all sessions. It can be dropped and rebuilt from the log.
CREATE TABLE subagents (
    began                       INTEGER PRIMARY KEY, -- position of the event with which it began
    changed                     INTEGER NOT NULL,    -- and of what happened to it last
    session                     BLOB    NOT NULL CHECK (length(session) = 16),
    tenant                      TEXT    NOT NULL,
    owner                       TEXT    NOT NULL,
    task_id                     TEXT    NOT NULL,
    turn                        BLOB    NOT NULL CHECK (length(turn) = 16),
    tool_use_id                 TEXT,
    kind                        TEXT    NOT NULL,
    subagent_type               TEXT,
    description                 TEXT    NOT NULL,
    state                       TEXT    NOT NULL,
    summary                     TEXT,
    tool_calls                  INTEGER NOT NULL DEFAULT 0,
    model_calls                 INTEGER NOT NULL DEFAULT 0,
    cost_micros                 INTEGER NOT NULL DEFAULT 0,
    input_tokens                INTEGER NOT NULL DEFAULT 0,
    output_tokens               INTEGER NOT NULL DEFAULT 0,
    cache_read_input_tokens     INTEGER NOT NULL DEFAULT 0,
    cache_creation_input_tokens INTEGER NOT NULL DEFAULT 0,
    reported_tokens             INTEGER NOT NULL DEFAULT 0,
    started_at                  INTEGER NOT NULL,
    ended_at                    INTEGER
) STRICT;

CREATE INDEX subagents_by_task ON subagents (session, task_id);
CREATE INDEX subagents_by_tool_use ON subagents (session, tool_use_id);
CREATE INDEX subagents_by_owner ON subagents (tenant, owner, began);
CREATE INDEX subagents_by_change ON subagents (tenant, changed);
CREATE INDEX subagents_that_run ON subagents (tenant, owner, began) WHERE ended_at IS NULL;
