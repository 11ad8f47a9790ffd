//! A session as an account that people read: what was asked, said, done and decided, and what it cost.
//! In Markdown, one piece per event.

mod markdown;

use std::fmt::Write as _;

use serde_json::Value;

use self::markdown::{code, contained, fenced, plain, quoted};

use crate::agent::FileChangeKind;
use crate::log::RecordedEvent;
use crate::money::MicroDollars;
use crate::request::{DecidedBy, DeciderKind, Settlement};
use crate::session::event::{
    Asked, CostBasis, Decided, FilesEvent, MessageEvent, PromptEvent, RequestEvent, SessionEvent,
    SettingEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
};
use crate::session::frame::plain_text;
use crate::session::index::SessionHead;
use crate::time::Timestamp;
use crate::workspace::WorkspaceChange;

/// The result of a tool is shown up to here; the log has all of it.
const MAX_RESULT_CHARS: usize = 4000;

/// The head of the account.
pub fn heading(head: &SessionHead) -> String {
    let title = plain(head.title.as_deref().unwrap_or("Session"));
    let model = head.model.as_deref().map_or_else(|| "the agent's own choice".to_owned(), code);
    let mut text = format!("# {title}\n\n");
    for (name, value) in [
        ("Session", head.id.to_string()),
        ("Owner", plain(&head.owner)),
        ("Folder", code(&head.working_dir)),
        ("Model", model),
        ("Permission mode", head.permission_mode.as_str().to_owned()),
        ("Events", head.version.to_string()),
        ("Cost", cost(head.cost_usd, head.cost_is_estimate)),
    ] {
        // Writing to a string cannot fail.
        writeln!(text, "- {name}: {value}").ok();
    }
    text
}

/// One event as a piece of the account; absent where it says nothing to people.
pub fn piece(recorded: &RecordedEvent, event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::Prompt(event) => Some(prompt(event, recorded.happened_at())),
        SessionEvent::Turn(event) => turn(event),
        SessionEvent::Message(event) => Some(message(event)),
        SessionEvent::Tool(event) => Some(tool(event, recorded.happened_at())),
        SessionEvent::Files(event) => files(event),
        SessionEvent::Request(event) => request(event, recorded.happened_at()),
        SessionEvent::Setting(event) => setting(event),
        SessionEvent::Lifecycle(_)
        | SessionEvent::Hook(_)
        | SessionEvent::Agent(_)
        | SessionEvent::Background(_)
        | SessionEvent::Spend(_) => None,
    }
}

fn prompt(event: &PromptEvent, at: Timestamp) -> String {
    match event {
        PromptEvent::Submitted { text, author, .. } => {
            format!("## Prompt\n\n*{}, {at}*\n\n{}", plain(author), quoted(text))
        }
        PromptEvent::Steered { text, author, .. } => {
            format!("*{} adds:*\n\n{}", plain(author), quoted(text))
        }
        PromptEvent::Withdrawn { by, .. } => format!("*{} takes a prompt back.*", plain(by)),
    }
}

fn turn(event: &TurnEvent) -> Option<String> {
    match event {
        TurnEvent::Completed(TurnCompleted { account, .. }) => {
            Some(format!("*Turn completed{}.*", costs(account)))
        }
        TurnEvent::Failed { detail, account, .. } => {
            Some(format!("*Turn failed{}:* {}", costs(account), plain(detail)))
        }
        TurnEvent::Interrupted { cause, account, .. } => {
            Some(format!("*Turn interrupted ({}){}.*", cause.as_str(), costs(account)))
        }
        TurnEvent::Continued { .. } => Some("*The turn went on.*".to_owned()),
        TurnEvent::Started { .. }
        | TurnEvent::InterruptRequested { .. }
        | TurnEvent::Parked { .. }
        | TurnEvent::Resumed(_) => None,
    }
}

fn message(event: &MessageEvent) -> String {
    match event {
        MessageEvent::Text { text, parent_tool_use_id, .. } => {
            let subagent = parent_tool_use_id.as_ref().map_or("", |_| "*A subagent:*\n\n");
            format!("{subagent}{}", contained(text))
        }
        MessageEvent::Thinking { text, .. } => format!("*Thinking:*\n\n{}", quoted(text)),
    }
}

fn tool(event: &ToolEvent, at: Timestamp) -> String {
    match event {
        ToolEvent::Used { name, input, .. } => {
            format!("**Tool {}**\n\n{}", code(name), fenced("json", &format!("{input:#}")))
        }
        ToolEvent::Returned { is_error, content, decided_by, .. } => {
            let word = if *is_error { "Error" } else { "Result" };
            let by = decided_by.as_ref().map(|by| format!(" (allowed without asking, by {})", decider(by)));
            format!("*{word}{}:*\n\n{}", by.unwrap_or_default(), fenced("", &shortened(content)))
        }
        ToolEvent::Abandoned { decided_by, .. } => {
            let by = decider(decided_by);
            format!("*No result: the process ended. Allowed without asking, by {by}, if it came to that.*")
        }
        ToolEvent::PolicyApplied { tool_name, message, decided_by, .. } => {
            let (tool, by, message) = (code(tool_name), decider(decided_by), plain(message));
            format!("**Refused:** {tool} by {by}, {at}: {message}")
        }
    }
}

fn files(event: &FilesEvent) -> Option<String> {
    match event {
        FilesEvent::Changed { change, .. } => {
            let counts = (change.kind, change.added, change.removed);
            Some(file(&change.path, counts, Some(&change.patch)))
        }
        FilesEvent::WorkspaceChanged { change, .. } => {
            let WorkspaceChange { path, kind, added, removed, patch, executable: _ } = change;
            Some(file(path, (*kind, *added, *removed), patch.as_deref()))
        }
        FilesEvent::Rewound { files, by, .. } => {
            Some(format!("*{} puts back {} files to what they were.*", plain(by), files.len()))
        }
        FilesEvent::WorkspaceUnobserved { .. } => None,
    }
}

fn request(event: &RequestEvent, at: Timestamp) -> Option<String> {
    match event {
        RequestEvent::Asked(Asked { kind, request, .. }) => {
            let kind = serde_json::to_value(kind).unwrap_or_default();
            let kind = kind.as_str().unwrap_or("request");
            let description = plain(&request.description);
            Some(format!("**Asked ({kind}, {at}):** {} {description}", code(&request.tool_name)))
        }
        RequestEvent::Decided(Decided { settlement, .. }) => {
            let by = decider(&settlement.decided_by);
            let decision = serde_json::to_value(settlement.decision).unwrap_or_default();
            let message =
                settlement.message.as_deref().map_or(String::new(), |text| format!("\n\n{}", quoted(text)));
            let (decision, answers) = (decision.as_str().unwrap_or_default(), answers(settlement));
            Some(format!("**Decision: {decision}** by {by}, {at}{message}{answers}"))
        }
        RequestEvent::Withdrawn { reason, .. } => {
            Some(format!("*No decision is needed any more: {}.*", reason.as_text()))
        }
        RequestEvent::Released { .. } => None,
    }
}

/// Who or what decided, in words.
fn decider(by: &DecidedBy) -> String {
    let name = plain(by.name.as_ref().or(by.id.as_ref()).map_or("", String::as_str));
    match by.kind {
        DeciderKind::User => name,
        DeciderKind::Mode => format!("the mode {name}"),
        DeciderKind::Rule => format!("the rule {name}"),
        DeciderKind::Remembered => format!("what {name} decided before"),
        DeciderKind::Policy => format!("the policy of the {name}"),
        DeciderKind::Agent => format!("the agent's program in the mode {name}"),
        DeciderKind::System => "the server".to_owned(),
    }
}

fn answers(settlement: &Settlement) -> String {
    let lines = settlement.answers.iter().flatten().map(|(question, answer)| {
        let answers = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
        let answers: Vec<String> = answers.iter().map(|answer| code(&plain_text(answer))).collect();
        format!("\n- {} {}", plain(question), answers.join(", "))
    });
    let lines = lines.collect::<String>();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn setting(event: &SettingEvent) -> Option<String> {
    match event {
        SettingEvent::PermissionModeChanged { mode, .. } => {
            Some(format!("*The permission mode is now {}.*", mode.as_str()))
        }
        SettingEvent::ModelChanged { .. } => None,
        SettingEvent::WorkingDirChanged { working_dir, .. } => {
            Some(format!("*The folder is now {}.*", code(working_dir)))
        }
    }
}

fn costs(account: &TurnAccount) -> String {
    let seconds = account.duration_ms as f64 / 1000.0;
    let known = account.cost_beside(Some(MicroDollars::default()));
    format!(", {seconds:.1} s, {}", cost(known, account.cost_basis == CostBasis::PriceList))
}

fn cost(known: Option<MicroDollars>, is_estimate: bool) -> String {
    let Some(known) = known else { return "cost unknown".to_owned() };
    format!("${:.6}{}", known.as_usd(), if is_estimate { " (estimated)" } else { "" })
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

#[cfg(test)]
mod tests;
