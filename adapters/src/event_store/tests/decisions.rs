//! Decisions about uses of tools as who audits finds them: by tool and text, with the call, and without the
//! rest of the log.

use runner_core::ids::TenantId;
use runner_core::people::audit::decision::AuditedDecision;
use runner_core::people::audit::{AuditFilter, AuditPage, Scope};
use runner_core::ports::AuditLog;
use runner_core::request::{DecidedBy, Decision, RequestKind};
use runner_core::session::event::{Decided, RequestEvent, SessionEvent, ToolEvent};
use serde_json::{Value, json};

use super::samples::{Folder, opened, prompted, put, requested, session, started, turn};
use crate::event_store::EventStore;
use crate::event_store::sqlite::audit::plan_of;

/// Two calls that nobody was asked about, one that a person allowed, one that came from before there were
/// deciders, and one that was not heard of again.
async fn worked(store: &EventStore) {
    let allowed = json!({ "request_id": "r1", "decision": "allow", "decided_by": DecidedBy::user("ada") });
    let settlement = serde_json::from_value(allowed).unwrap();
    let kind = RequestKind::Permission;
    let decided = RequestEvent::Decided(Decided { kind, turn: turn(1), settlement });
    let lost = ToolEvent::Abandoned {
        turn: turn(1),
        tool_use_id: "lost".into(),
        decided_by: DecidedBy::agent("default"),
    };
    put(
        store,
        session(1),
        vec![
            opened(session(1)),
            prompted(1, "work"),
            started(1),
            used("small", "ls -la", ""),
            used("large", "make 100%", &"x".repeat(100_000)),
            used("lost", "sleep 9", ""),
            returned("large", &"y".repeat(100_000), Some(DecidedBy::mode("bypassPermissions"))),
            returned("small", "ok", Some(DecidedBy::agent("default"))),
            requested("r1"),
            SessionEvent::Request(decided),
            used("old", "ls", ""),
            returned("old", "ok", None),
            SessionEvent::Tool(lost),
        ],
    )
    .await;
}

#[tokio::test]
async fn decisions_are_found_by_tool_and_text_wherever_their_payload_lies() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store).await;

    for (tool, text, expected) in [
        (Some("Bash"), None, &["agent default", "user ada", "agent default", "mode bypassPermissions"][..]),
        (Some("Write"), None, &[]),
        (Some("bash"), None, &[]),
        (None, Some("LS -"), &["agent default"]),
        (None, Some("100%"), &["mode bypassPermissions"]),
        (None, Some("xxx"), &["mode bypassPermissions"]),
        (None, Some("_s"), &[]),
        (None, Some("work"), &[]),
        (Some("Bash"), Some("sleep"), &["agent default"]),
        (Some("Write"), Some("sleep"), &[]),
    ] {
        let asked = asking(tool, text);
        let page = store.read_audit(asked.clone()).await.unwrap();
        assert_eq!(deciders(&page), expected, "{asked:?}");
        let of_session = AuditFilter { object: Some(format!("session:{}", session(1))), ..asked };
        assert_eq!(deciders(&store.read_audit(of_session).await.unwrap()), expected);
    }
    store.close().await;
}

#[tokio::test]
async fn every_decision_is_shown_with_its_call_also_where_nothing_is_looked_for() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store).await;
    let types = vec!["tool_returned".to_owned()];

    let page = store.read_audit(AuditFilter { types, ..asking(None, None) }).await.unwrap();

    let shown: Vec<_> = page
        .entries
        .iter()
        .map(|entry| {
            let decided = entry.decided.as_ref();
            let command = |decided: &AuditedDecision| {
                let cut = decided.input["filler"].as_str().unwrap().len();
                (decided.tool_name.clone().unwrap(), decided.input["command"].clone(), cut, decided.decision)
            };
            (entry.data.is_some(), decided.map(command))
        })
        .collect();
    let bash = |command: &str, filler| Some(("Bash".to_owned(), json!(command), filler, Decision::Allow));
    assert_eq!(shown, [(true, None), (true, bash("ls -la", 0)), (false, bash("make 100%", 16_384))]);
    store.close().await;
}

#[tokio::test]
async fn nothing_of_another_team_is_found() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store).await;

    let asked = AuditFilter { tenant: TenantId("other".into()), ..asking(Some("Bash"), None) };

    assert_eq!(deciders(&store.read_audit(asked).await.unwrap()), [] as [&str; 0]);
    store.close().await;
}

#[tokio::test]
async fn a_bounded_part_of_the_log_is_looked_at_and_calls_are_found_by_their_stream() {
    let folder = Folder::new();
    let store = folder.open().await;

    let plan = plan_of(&store, &asking(Some("Bash"), Some("ls"))).await;

    let outer = "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
    assert!(plan.lines().any(|line| line == outer), "{plan}");
    let of_calls =
        "SEARCH known USING INDEX sqlite_autoindex_events_1 (stream=? AND version>? AND version<?)";
    assert!(plan.lines().any(|line| line == of_calls), "{plan}");
    assert!(!plan.contains("SCAN events"), "{plan}");
    store.close().await;
}

#[tokio::test]
async fn read_models_are_the_same_after_a_rebuild() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store).await;
    store.close().await;

    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
    let store = folder.open().await;
    assert_eq!(store.read_audit(asking(Some("Bash"), None)).await.unwrap().entries.len(), 4);
    store.close().await;
}

fn asking(tool: Option<&str>, text: Option<&str>) -> AuditFilter {
    let (tool, text) = (tool.map(str::to_owned), text.map(str::to_owned));
    let (tenant, scope) = (TenantId::first(), Scope::Everything);
    AuditFilter { tenant, scope, limit: 100, tool, text, ..AuditFilter::default() }
}

fn deciders(page: &AuditPage) -> Vec<String> {
    let decided = page.entries.iter().map(|entry| entry.decided.as_ref().unwrap());
    let by = decided.map(|decided| serde_json::to_value(&decided.decided_by).unwrap());
    by.map(|by| format!("{} {}", by["kind"].as_str().unwrap(), by["name"].as_str().unwrap())).collect()
}

fn used(tool_use_id: &str, command: &str, filler: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Used {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        name: "Bash".into(),
        input: json!({ "command": command, "filler": filler }),
        parent_tool_use_id: None,
    })
}

fn returned(tool_use_id: &str, content: &str, decided_by: Option<DecidedBy>) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Returned {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        is_error: false,
        content: Value::from(content),
        structured: None,
        decided_by,
    })
}
