-- What calls of models have cost, by the server's own count. A read model: it is rebuilt from the log.
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
