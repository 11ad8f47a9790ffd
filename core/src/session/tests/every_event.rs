//! One event of every type, with every field filled.

use serde_json::json;

use super::samples::{
    account, completion, denial, opening, permission_request, profile, spend_of, started, turn,
};
use crate::agent::{AgentOptions, AgentProfile, FileChange, FileChangeKind};
use crate::money::MicroDollars;
use crate::prompt::Attachment;
use crate::session::event::{
    DecidedBy, DeciderKind, Decision, FailureCause, InterruptCause, SessionEvent, SessionOpened, TurnAccount,
    TurnCompleted, TurnOutcome,
};

pub(super) fn every_event() -> Vec<SessionEvent> {
    [beginnings(), blocks(), permissions(), incidents(), ends()].concat()
}

fn beginnings() -> Vec<SessionEvent> {
    let image = Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() };
    let (text, author, attachments) = ("say hi, 你好".to_owned(), "ada".to_owned(), vec![image]);
    vec![
        SessionEvent::SessionOpened(SessionOpened {
            title: Some("A title".into()),
            options: options(),
            ..opening()
        }),
        SessionEvent::PromptSubmitted { turn: turn(1), text, attachments, author },
        started(1),
        SessionEvent::AgentInitialized {
            turn: turn(1),
            profile: AgentProfile {
                permission_mode: "acceptEdits".into(),
                runtime_version: "2.1.197".into(),
                mcp_servers: vec![json!({ "name": "ev", "status": "connected" })],
                skills: vec![json!("simplify")],
                agents: vec!["Explore".into()],
                plugins: vec![json!({ "name": "p" })],
                ..profile("opus")
            },
        },
    ]
}

fn options() -> AgentOptions {
    AgentOptions {
        model: Some("opus".into()),
        fallback_model: Some("haiku".into()),
        effort: Some("high".into()),
        tools: Some(vec!["Bash".into(), "Read".into()]),
        max_turns: Some(12),
        max_budget_micros: Some(MicroDollars(2_500_000)),
        append_system_prompt: Some("be brief".into()),
        output_schema: Some(json!({ "type": "object" })),
        add_dirs: vec!["/lib".into()],
        env: [("LANG".to_owned(), "C".to_owned())].into(),
    }
}

fn blocks() -> Vec<SessionEvent> {
    let (message_id, parent) = ("m1".to_owned(), Some("tool-0".to_owned()));
    let (tool_use_id, structured) = ("tool-1".to_owned(), Some(json!({ "type": "create" })));
    let change = FileChange {
        path: "/srv/a".into(),
        kind: FileChangeKind::Created,
        added: 2,
        removed: 1,
        patch: "@@ -1,1 +1,2 @@\n-a\n+b\n+c\n".into(),
        tool_use_id: tool_use_id.clone(),
    };
    vec![
        SessionEvent::AssistantText {
            turn: turn(1),
            message_id: message_id.clone(),
            text: "hello".into(),
            parent_tool_use_id: parent.clone(),
        },
        SessionEvent::AssistantThinking {
            turn: turn(1),
            message_id,
            text: "hm".into(),
            parent_tool_use_id: parent.clone(),
        },
        SessionEvent::ToolUsed {
            turn: turn(1),
            tool_use_id: tool_use_id.clone(),
            name: "Write".into(),
            input: json!({ "file_path": "/srv/a", "content": "b\nc\n" }),
            parent_tool_use_id: parent,
        },
        SessionEvent::ToolReturned {
            turn: turn(1),
            tool_use_id,
            is_error: true,
            content: json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]),
            structured,
        },
        SessionEvent::FileChanged { turn: turn(1), change },
    ]
}

fn permissions() -> Vec<SessionEvent> {
    let mut request = permission_request("r1");
    request.subagent = Some("agent-7".into());
    vec![
        SessionEvent::PermissionRequested { turn: turn(1), request },
        SessionEvent::PermissionDecided {
            turn: turn(1),
            request_id: "r1".into(),
            decision: Decision::Deny,
            decided_by: DecidedBy { kind: DeciderKind::System, name: Some("no one to ask".into()) },
            message: Some("Nobody is there.".into()),
        },
    ]
}

fn incidents() -> Vec<SessionEvent> {
    vec![
        SessionEvent::ApiRetried {
            turn: turn(1),
            attempt: 1,
            max_attempts: 10,
            delay_ms: 557,
            status: Some(529),
            error: "overloaded".into(),
        },
        SessionEvent::RateLimited { turn: turn(1), info: json!({ "status": "rejected" }) },
        SessionEvent::ContextCompacted {
            turn: turn(1),
            trigger: "auto".into(),
            tokens_before: 120,
            tokens_after: 30,
        },
        SessionEvent::AgentMessage { turn: Some(turn(1)), raw: json!({ "type": "from_the_future" }) },
        SessionEvent::InterruptRequested { turn: turn(1), by: "ada".into() },
    ]
}

fn ends() -> Vec<SessionEvent> {
    let spent = || -> TurnAccount {
        account(&spend_of(&[("opus", 40), ("haiku", 2)]), &spend_of(&[("opus", 50), ("haiku", 2)]))
    };
    vec![
        SessionEvent::TurnCompleted(TurnCompleted {
            structured_output: Some(json!({ "name": "Bob" })),
            denials: vec![denial()],
            account: spent(),
            ..completion(turn(1), TurnOutcome::MaxTurns, &spend_of(&[]), &spend_of(&[]))
        }),
        SessionEvent::TurnFailed {
            turn: turn(1),
            cause: FailureCause::ModelApiError,
            detail: "API Error: 529".into(),
            status: Some(529),
            account: spent(),
        },
        SessionEvent::TurnInterrupted {
            turn: turn(1),
            cause: InterruptCause::ServerCrashed,
            account: spent(),
        },
    ]
}
