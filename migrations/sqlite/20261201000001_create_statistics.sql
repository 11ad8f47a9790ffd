-- What was done and what it cost, by day of UTC: counts and sums of everything (all), and of each model, tool,
-- working folder and key. Each row is there for the owner, and with an empty owner for the whole team, so that a
-- year is a few thousand rows whoever asks.
CREATE TABLE stats_by_day (
    tenant                      TEXT    NOT NULL,
    dimension                   TEXT    NOT NULL, -- all, model, tool, working_dir, key
    owner                       TEXT    NOT NULL,
    name                        TEXT    NOT NULL, -- of the model, the tool …; empty where there is none
    day                         TEXT    NOT NULL, -- as 2026-01-31
    turns_succeeded             INTEGER NOT NULL,
    turns_unsuccessful          INTEGER NOT NULL,
    turns_failed                INTEGER NOT NULL,
    turns_interrupted           INTEGER NOT NULL,
    turns_unpriced              INTEGER NOT NULL,
    calls                       INTEGER NOT NULL,
    calls_failed                INTEGER NOT NULL,
    calls_cut_off               INTEGER NOT NULL,
    cost_micros                 INTEGER NOT NULL,
    cost_estimates              INTEGER NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    tool_calls                  INTEGER NOT NULL,
    tool_errors                 INTEGER NOT NULL,
    tool_refusals               INTEGER NOT NULL,
    requests_asked              INTEGER NOT NULL,
    requests_allowed            INTEGER NOT NULL,
    requests_denied             INTEGER NOT NULL,
    requests_withdrawn          INTEGER NOT NULL,
    files_changed               INTEGER NOT NULL,
    file_changes                INTEGER NOT NULL,
    lines_added                 INTEGER NOT NULL,
    lines_removed               INTEGER NOT NULL,
    PRIMARY KEY (tenant, dimension, owner, name, day) -- groups of names need no sorting
) STRICT, WITHOUT ROWID;

-- How long turns took and decisions were waited for, each number in milliseconds, in the order of the log. Medians
-- are exact that way.
CREATE TABLE stats_times_by_day (
    tenant    TEXT NOT NULL,
    dimension TEXT NOT NULL,
    owner     TEXT NOT NULL,
    name      TEXT NOT NULL,
    measure   TEXT NOT NULL, -- turn, wait
    day       TEXT NOT NULL,
    millis    TEXT NOT NULL, -- numbers, each with a space behind it
    PRIMARY KEY (tenant, dimension, owner, name, measure, day)
) STRICT, WITHOUT ROWID;

-- What it told is in stats_by_day.
DROP TABLE usage_by_day;

-- With which version of this program's folds the read models were written. An older one is written anew when the
-- database is opened.
CREATE TABLE read_models (
    version INTEGER NOT NULL
) STRICT;

INSERT INTO read_models (version) VALUES (0);
