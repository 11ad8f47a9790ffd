//! Decisions about uses of tools, and the calls that they are about.
//!
//! A decision names its request or its tool use, and the event that tells of that stands before it in the
//! same stream, a few versions away as a rule: it is looked for backwards, when somebody reads, and nothing
//! is kept for that.

use runner_core::people::audit::AuditFilter;
use runner_core::people::audit::decision::AuditedDecision;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::event_store::sqlite::like::like_pattern;
use crate::event_store::sqlite::payload::payload_text;

/// The events that decide. A tool that returned was allowed without asking if its event says by whom.
const OF_DECISIONS: &str = "type IN ('permission_decided', 'question_answered', 'plan_decided', \
     'policy_applied', 'tool_returned', 'tool_abandoned')";

/// The position of the call that the row of `events` decides about. Between the two there may be all that a
/// subagent did; what is further away is not looked for.
const CALL_POSITION: &str = concat!(
    "(SELECT known.position FROM events known
      WHERE known.stream = events.stream AND known.version < events.version
       AND known.version >= events.version - 10000
       AND CASE
        WHEN events.type IN ('policy_applied', 'tool_returned', 'tool_abandoned') THEN known.type = 'tool_used'
         AND json_extract(",
    payload_text!("known"),
    ", '$.tool_use_id') = json_extract(",
    payload_text!("events"),
    ", '$.tool_use_id')
        ELSE known.type IN ('permission_requested', 'question_asked', 'plan_proposed')
         AND json_extract(",
    payload_text!("known"),
    ", '$.request_id') = json_extract(",
    payload_text!("events"),
    ", '$.request_id') END
      ORDER BY known.version DESC LIMIT 1)"
);

/// Texts of an input that are longer are cut where a page shows them.
macro_rules! shown_fields {
    ($json:expr, $path:literal) => {
        concat!(
            "(SELECT json_group_object(key, CASE type WHEN 'null' THEN NULL ELSE substr(value, 1, 16384) END)
              FROM json_each(",
            $json,
            ", '",
            $path,
            "'))"
        )
    };
}

/// What is read of a row and of its call, beside the columns of the log.
pub(super) const COLUMNS: &str = concat!(
    "json_extract(",
    payload_text!("page"),
    ", '$.decided_by') AS decided_by, coalesce(json_extract(",
    payload_text!("page"),
    ", '$.decision'), 'allow') AS decision, coalesce(json_extract(",
    payload_text!("call"),
    ", '$.name'), json_extract(",
    payload_text!("call"),
    ", '$.tool_name'), json_extract(",
    payload_text!("page"),
    ", '$.tool_name')) AS tool_name, ",
    shown_fields!(payload_text!("call"), "$.input"),
    " AS input, ",
    shown_fields!(payload_text!("page"), "$.updated_input"),
    " AS updated_input"
);

/// Adds the position of the call to what is read of the log.
pub(super) fn push_call_position(query: &mut QueryBuilder<Sqlite>) {
    query.push("CASE WHEN ").push(OF_DECISIONS).push(" THEN ").push(CALL_POSITION);
    query.push(" END AS call_position ");
}

/// Leaves decisions only, about calls of the tool and with the text that are asked for.
pub(super) fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    query.push(" AND ").push(OF_DECISIONS);
    query.push(" AND (type <> 'tool_returned' OR json_extract(").push(payload_text!("events"));
    query.push(", '$.decided_by') IS NOT NULL)");
    query.push(" AND EXISTS (SELECT 1 FROM events call WHERE call.position = ").push(CALL_POSITION);
    if let Some(tool) = &filter.tool {
        query
            .push(" AND coalesce(json_extract(")
            .push(payload_text!("call"))
            .push(", '$.name'), json_extract(");
        query.push(payload_text!("call")).push(", '$.tool_name')) = ").push_bind(tool.clone());
    }
    if let Some(text) = &filter.text {
        query.push(" AND (");
        push_text_in(query, concat!("json_tree(", payload_text!("call"), ", '$.input')"), text);
        query.push(" OR ");
        push_text_in(query, concat!("json_tree(", payload_text!("events"), ", '$.updated_input')"), text);
        query.push(")");
    }
    query.push(")");
}

fn push_text_in(query: &mut QueryBuilder<Sqlite>, values: &'static str, text: &str) {
    query.push("EXISTS (SELECT 1 FROM ").push(values).push(" WHERE atom LIKE ");
    query.push_bind(like_pattern(text)).push(" ESCAPE '\\')");
}

/// The decision that a row tells of; absent where it is none.
pub(super) fn decision(row: &SqliteRow) -> sqlx::Result<Option<AuditedDecision>> {
    let Some(decided_by) = json(row, "decided_by")? else { return Ok(None) };
    let input: Value = match json(row, "updated_input")? {
        Some(Value::Object(changed)) if !changed.is_empty() => changed.into(),
        Some(_) | None => json(row, "input")?.unwrap_or_default(),
    };
    let decision: String = row.try_get("decision")?;
    Ok(Some(AuditedDecision {
        tool_name: row.try_get("tool_name")?,
        target: None,
        effect: None,
        decision: serde_json::from_value(decision.into()).map_err(not_read)?,
        decided_by,
        input,
    }))
}

fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> sqlx::Result<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(serde_json::from_str).transpose().map_err(not_read)
}

fn not_read(source: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(source.into())
}
