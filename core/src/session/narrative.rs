//! A session as an account that people read: what was asked, said, done and decided, and what it cost.
//! In Markdown, one piece per event.

use std::fmt::Write as _;

use serde_json::Value;

use crate::agent::FileChangeKind;
use crate::log::event_log::RecordedEvent;
use crate::session::event::{Decided, SessionEvent, TurnAccount, TurnCompleted};
use crate::session::frame::plain_text;
use crate::session::index::SessionHead;
use crate::workspace::WorkspaceChange;

/// What a tool returned is shown up to here; the log has all of it.
const MAX_RESULT_CHARS: usize = 4000;

/// What the account begins with.
pub fn heading(head: &SessionHead) -> String {
    let title = head.title.as_deref().unwrap_or("Session").replace('\n', " ");
    let (model, mode) = (head.model.as_deref().unwrap_or("the agent's own choice"), head.permission_mode);
    let mut text = format!("# {title}\n\n");
    for (name, value) in [
        ("Session", head.id.to_string()),
        ("Owner", head.owner.clone()),
        ("Folder", head.working_dir.clone()),
        ("Model", model.to_owned()),
        ("Permission mode", mode.as_str().to_owned()),
        ("Events", head.version.to_string()),
        ("Cost", format!("${:.6}", head.cost_usd.as_usd())),
    ] {
        // Writing to a string cannot fail.
        writeln!(text, "- {name}: {value}").ok();
    }
    text
}

/// One event as a piece of the account; absent where it says nothing to people.
pub fn piece(recorded: &RecordedEvent, event: &SessionEvent) -> Option<String> {
    spoken(recorded, event).or_else(|| done(event)).or_else(|| decided(event)).or_else(|| ended(event))
}

/// What people and the agent said.
fn spoken(recorded: &RecordedEvent, event: &SessionEvent) -> Option<String> {
    if let SessionEvent::PromptSubmitted { text, author, .. } = event {
        Some(format!("## Prompt\n\n*{author}, {}*\n\n{}", recorded.recorded_at, quoted(text)))
    } else if let SessionEvent::PromptSteered { text, author, .. } = event {
        Some(format!("*{author} adds:*\n\n{}", quoted(text)))
    } else if let SessionEvent::PromptWithdrawn { by, .. } = event {
        Some(format!("*{by} takes a prompt back.*"))
    } else if let SessionEvent::AssistantText { text, parent_tool_use_id, .. } = event {
        let subagent = parent_tool_use_id.as_ref().map_or("", |_| "*A subagent:*\n\n");
        Some(format!("{subagent}{text}"))
    } else if let SessionEvent::AssistantThinking { text, .. } = event {
        Some(format!("*Thinking:*\n\n{}", quoted(text)))
    } else {
        None
    }
}

/// What the agent did.
fn done(event: &SessionEvent) -> Option<String> {
    if let SessionEvent::ToolUsed { name, input, .. } = event {
        Some(format!("**Tool {}**\n\n{}", code(name), fenced("json", &format!("{input:#}"))))
    } else if let SessionEvent::ToolReturned { is_error, content, .. } = event {
        let word = if *is_error { "Error" } else { "Result" };
        Some(format!("*{word}:*\n\n{}", fenced("", &shortened(content))))
    } else if let SessionEvent::FileChanged { change, .. } = event {
        let counts = (change.kind, change.added, change.removed);
        Some(file(&change.path, counts, Some(&change.patch)))
    } else if let SessionEvent::WorkspaceChanged { change, .. } = event {
        let WorkspaceChange { path, kind, added, removed, patch } = change;
        Some(file(path, (*kind, *added, *removed), patch.as_deref()))
    } else if let SessionEvent::FilesRewound { files, by, .. } = event {
        Some(format!("*{by} puts back {} files to what they were.*", files.len()))
    } else {
        None
    }
}

/// What was asked, and what was decided by whom.
fn decided(event: &SessionEvent) -> Option<String> {
    if let Some((kind, asked)) = event.asked() {
        let request = &asked.request;
        let kind = serde_json::to_value(kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or("request");
        Some(format!("**Asked ({kind}):** {} {}", code(&request.tool_name), request.description))
    } else if let Some(Decided { settlement, .. }) = event.decided() {
        let by = &settlement.decided_by;
        let name = by.name.as_ref().or(by.id.as_ref()).map_or("the server", String::as_str);
        let decision = serde_json::to_value(settlement.decision).unwrap_or_default();
        let message =
            settlement.message.as_deref().map_or(String::new(), |text| format!("\n\n{}", quoted(text)));
        Some(format!("**Decision: {}** by {name}{message}", decision.as_str().unwrap_or_default()))
    } else if let SessionEvent::PolicyApplied { tool_name, message, .. } = event {
        Some(format!("**Refused:** {} {message}", code(tool_name)))
    } else if let SessionEvent::PermissionModeChanged { mode, .. } = event {
        Some(format!("*The permission mode is now {}.*", mode.as_str()))
    } else if let SessionEvent::RequestWithdrawn { reason, .. } = event {
        Some(format!("*No decision is needed any more: {}.*", reason.as_text()))
    } else {
        None
    }
}

/// How turns ended.
fn ended(event: &SessionEvent) -> Option<String> {
    if let SessionEvent::TurnCompleted(TurnCompleted { account, .. }) = event {
        Some(format!("*Turn completed{}.*", costs(account)))
    } else if let SessionEvent::TurnFailed { detail, account, .. } = event {
        Some(format!("*Turn failed{}:* {detail}", costs(account)))
    } else if let SessionEvent::TurnInterrupted { cause, account, .. } = event {
        Some(format!("*Turn interrupted ({}){}.*", cause.as_str(), costs(account)))
    } else {
        None
    }
}

fn costs(account: &TurnAccount) -> String {
    let (seconds, dollars) = (account.duration_ms as f64 / 1000.0, account.spend.cost_micros.as_usd());
    format!(", {seconds:.1} s, ${dollars:.6}")
}

fn file(path: &str, (kind, added, removed): (FileChangeKind, u32, u32), patch: Option<&str>) -> String {
    let kind = match kind {
        FileChangeKind::Created => "created",
        FileChangeKind::Modified => "modified",
        FileChangeKind::Deleted => "deleted",
    };
    let patch = patch.filter(|patch| !patch.is_empty());
    let patch = patch.map_or(String::new(), |patch| format!("\n\n{}", fenced("diff", patch)));
    format!("**File {} {kind}**, +{added} −{removed}{patch}", code(path))
}

fn shortened(content: &Value) -> String {
    let text = plain_text(content);
    match text.char_indices().nth(MAX_RESULT_CHARS) {
        Some((end, _)) => format!("{}\n… ({} characters in all)", &text[..end], text.chars().count()),
        None => text,
    }
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// A block that ends where it should, whatever is in it.
fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

fn code(text: &str) -> String {
    let mark = "`".repeat(longest_run(text) + 1);
    // A space keeps backticks of the text apart from the marks.
    let space = if mark.len() > 1 { " " } else { "" };
    format!("{mark}{space}{}{space}{mark}", text.replace('\n', " "))
}

/// The most backticks that stand in a row.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}
