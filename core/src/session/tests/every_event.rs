//! One event of every type, with every field filled.

use serde_json::json;

use super::hooks::hooks_of_a_call as hooks;
use super::samples::{
    account, budget_spent, completion, denial, model_call, opening, permission_request, process, profile,
    session, settlement, spend_of, started, turn,
};
use crate::agent::{
    AgentOptions, AgentProfile, BackgroundUsage, BackgroundWork, FileChange, FileChangeKind, PermissionMode,
    TaskListChange,
};
use crate::ids::{ScheduleId, TurnId};
use crate::money::MicroDollars;
use crate::prompt::Attachment;
use crate::request::{AgentRequest, DecidedBy, DeciderKind, Decision, RequestKind, Settlement, ToolEffect};
use crate::session::event::{
    AgentEvent, Asked, BackgroundEvent, CostBasis, Decided, FailureCause, Fallback, FilesEvent,
    InterruptCause, LifecycleEvent, MessageEvent, Origin, Parent, ParkCause, PromptEvent, RequestEvent,
    SessionEvent, SessionOpened, SettingEvent, SpendEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
    TurnOutcome, TurnResumed, WithdrawReason,
};
use crate::workspace::{Unobserved, UnobservedReason, WorkspaceChange};

pub(super) fn every_event() -> Vec<SessionEvent> {
    [beginnings(), blocks(), requests(), parking(), tasks(), changes(), hooks(), incidents(), ends()].concat()
}

fn beginnings() -> Vec<SessionEvent> {
    let (text, author, attachments) = ("say hi, 你好".to_owned(), "ada".to_owned(), vec![image()]);
    vec![
        SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
            title: Some("A title".into()),
            parent: Some(Parent { session: session(), version: 3 }),
            options: options(),
            ..opening()
        })),
        SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
            origin: Origin::Schedule,
            schedule: Some(ScheduleId(session().0)),
            ..opening()
        })),
        SessionEvent::Prompt(PromptEvent::Submitted { turn: turn(1), text, attachments, author }),
        started(1),
        SessionEvent::Agent(AgentEvent::Initialized {
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
        }),
    ]
}

fn options() -> AgentOptions {
    AgentOptions {
        max_duration_ms: Some(60_000),
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
    let deleted = WorkspaceChange {
        path: "/srv/b".into(),
        kind: FileChangeKind::Deleted,
        added: 0,
        removed: 1,
        patch: Some("@@ -1 +0,0 @@\n-b\n".into()),
        executable: None,
    };
    let unobserved = Unobserved { reason: UnobservedReason::TooManyChanges, files: 7 };
    vec![
        SessionEvent::Message(MessageEvent::Text {
            turn: turn(1),
            message_id: message_id.clone(),
            text: "hello".into(),
            parent_tool_use_id: parent.clone(),
        }),
        SessionEvent::Message(MessageEvent::Thinking {
            turn: turn(1),
            message_id,
            text: "hm".into(),
            parent_tool_use_id: parent.clone(),
        }),
        SessionEvent::Tool(ToolEvent::Used {
            turn: turn(1),
            tool_use_id: tool_use_id.clone(),
            name: "Write".into(),
            input: json!({ "file_path": "/srv/a", "content": "b\nc\n" }),
            parent_tool_use_id: parent,
        }),
        SessionEvent::Tool(ToolEvent::Returned {
            turn: turn(1),
            tool_use_id: tool_use_id.clone(),
            is_error: true,
            content: json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]),
            structured: structured.clone(),
            decided_by: None,
        }),
        SessionEvent::Tool(ToolEvent::Returned {
            turn: turn(1),
            tool_use_id: tool_use_id.clone(),
            is_error: false,
            content: json!("written"),
            structured,
            decided_by: Some(DecidedBy::mode("acceptEdits")),
        }),
        SessionEvent::Tool(ToolEvent::Abandoned {
            turn: turn(1),
            tool_use_id,
            decided_by: DecidedBy::agent("default"),
        }),
        SessionEvent::Files(FilesEvent::Changed { turn: turn(1), change }),
        SessionEvent::Files(FilesEvent::WorkspaceChanged { turn: turn(1), change: deleted }),
        SessionEvent::Files(FilesEvent::WorkspaceUnobserved { turn: turn(1), unobserved }),
    ]
}

fn requests() -> Vec<SessionEvent> {
    let asked =
        |kind, request| SessionEvent::Request(RequestEvent::Asked(Asked { kind, turn: turn(1), request }));
    let settled = |kind, settlement| {
        SessionEvent::Request(RequestEvent::Decided(Decided { kind, turn: turn(1), settlement }))
    };
    let permission = AgentRequest { subagent: Some("agent-7".into()), ..permission_request("r1") };
    vec![
        asked(RequestKind::Permission, permission),
        settled(
            RequestKind::Permission,
            Settlement {
                message: Some("Only this once.".into()),
                updated_input: Some(json!({ "file_path": "/srv/b" })),
                remember: true,
                ..settlement("r1", Decision::Allow)
            },
        ),
        asked(RequestKind::Question, question()),
        settled(
            RequestKind::Question,
            Settlement {
                answers: Some([("Which?".to_owned(), json!(["A", "B"]))].into()),
                ..settlement("r2", Decision::Allow)
            },
        ),
        asked(RequestKind::Plan, plan()),
        settled(RequestKind::Plan, Settlement { interrupt: true, ..settlement("r3", Decision::Deny) }),
        SessionEvent::Request(RequestEvent::Released {
            turn: turn(1),
            request_id: "r1".into(),
            process: process(1),
        }),
        SessionEvent::Request(RequestEvent::Withdrawn {
            turn: turn(1),
            request_id: "r2".into(),
            reason: WithdrawReason::AgentWithdrew,
        }),
        SessionEvent::Tool(ToolEvent::PolicyApplied {
            turn: turn(1),
            tool_use_id: "tool-1".into(),
            tool_name: "Write".into(),
            decision: Decision::Deny,
            decided_by: DecidedBy {
                kind: DeciderKind::Rule,
                id: Some("7".into()),
                name: Some("rule".into()),
            },
            message: "Not here.".into(),
        }),
    ]
}

fn question() -> AgentRequest {
    let questions = json!([{ "question": "Which?", "options": [{ "label": "A" }, { "label": "B" }], "multiSelect": true }]);
    AgentRequest {
        tool_name: "AskUserQuestion".into(),
        tool_use_id: "tool-2".into(),
        input: json!({ "questions": questions }),
        description: "Which?".into(),
        reason: None,
        suggestions: vec![],
        effect: ToolEffect::Other,
        target: None,
        ..permission_request("r2")
    }
}

fn plan() -> AgentRequest {
    AgentRequest {
        tool_name: "ExitPlanMode".into(),
        tool_use_id: "tool-3".into(),
        input: json!({ "plan": "1. Read" }),
        description: "1. Read".into(),
        reason: None,
        suggestions: vec![],
        effect: ToolEffect::RunsCommands,
        target: None,
        ..permission_request("r3")
    }
}

fn parking() -> Vec<SessionEvent> {
    let counter = account(&spend_of(&[]), &spend_of(&[("opus", 50)])).counter;
    vec![
        SessionEvent::Turn(TurnEvent::Parked { turn: turn(1), cause: ParkCause::ServerStopped }),
        SessionEvent::Turn(TurnEvent::Continued { turn: turn(1), process: process(2) }),
        SessionEvent::Turn(TurnEvent::Resumed(TurnResumed {
            turn: turn(1),
            attempt: 2,
            process: process(2),
            runtime_version: "2.1".into(),
            node: "n1".into(),
            request_id: "r1".into(),
            fallback: Some(Fallback::SubagentRestarted),
        })),
        SessionEvent::Spend(SpendEvent::UsageReported { turn: turn(1), process: process(2), counter }),
        SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call: model_call() }),
        SessionEvent::Spend(SpendEvent::BudgetExhausted { turn: Some(turn(1)), spent: budget_spent() }),
    ]
}

fn tasks() -> Vec<SessionEvent> {
    let usage = BackgroundUsage { total_tokens: 1200, tool_uses: 3, duration_ms: 450 };
    let task_id = || "task-1".to_owned();
    vec![
        SessionEvent::Background(BackgroundEvent::Started {
            turn: turn(1),
            work: BackgroundWork {
                task_id: task_id(),
                tool_use_id: Some("tool-0".into()),
                kind: "local_agent".into(),
                description: "Look around".into(),
                subagent_type: Some("Explore".into()),
            },
        }),
        SessionEvent::Background(BackgroundEvent::Progressed {
            turn: turn(1),
            task_id: task_id(),
            description: "Reading".into(),
            usage,
        }),
        SessionEvent::Background(BackgroundEvent::Finished {
            turn: turn(1),
            task_id: task_id(),
            status: "completed".into(),
            summary: "All is well".into(),
            usage: Some(usage),
        }),
        SessionEvent::Background(BackgroundEvent::TaskListChanged {
            turn: turn(1),
            change: TaskListChange {
                id: "1".into(),
                subject: Some("Write tests".into()),
                status: "in_progress".into(),
            },
        }),
        SessionEvent::Background(BackgroundEvent::Parked { turn: turn(1), task_id: task_id() }),
        SessionEvent::Background(BackgroundEvent::TakenUp {
            turn: turn(2),
            task_id: task_id(),
            request_id: "r1".into(),
        }),
        SessionEvent::Background(BackgroundEvent::StopRequested {
            turn: turn(1),
            task_id: task_id(),
            by: "ada".into(),
        }),
    ]
}

fn changes() -> Vec<SessionEvent> {
    let by = || "ada".to_owned();
    vec![
        SessionEvent::Setting(SettingEvent::PermissionModeChanged {
            mode: PermissionMode::Plan,
            by: DecidedBy::user("ada"),
        }),
        SessionEvent::Setting(SettingEvent::ModelChanged { model: Some("haiku".into()), by: by() }),
        SessionEvent::Setting(SettingEvent::WorkingDirChanged { working_dir: "/srv/new".into(), by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Renamed { title: "Another title".into(), by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Tagged { tags: vec!["red".into(), "blue".into()], by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Archived { by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::HandedOver {
            from: "bob".into(),
            to: "carol".into(),
            by: by(),
            offline: true,
        }),
        SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(1), by: by() }),
        SessionEvent::Prompt(PromptEvent::Steered {
            turn: turn(1),
            message: TurnId(session().0),
            text: "the other one".into(),
            attachments: vec![image()],
            author: by(),
        }),
        SessionEvent::Files(FilesEvent::Rewound { turn: turn(1), files: vec!["/srv/a".into()], by: by() }),
    ]
}

fn incidents() -> Vec<SessionEvent> {
    vec![
        SessionEvent::Agent(AgentEvent::ApiRetried {
            turn: turn(1),
            attempt: 1,
            max_attempts: 10,
            delay_ms: 557,
            status: Some(529),
            error: "overloaded".into(),
        }),
        SessionEvent::Agent(AgentEvent::RateLimited {
            turn: turn(1),
            info: json!({ "status": "rejected" }),
            resets_at_micros: None,
        }),
        SessionEvent::Agent(AgentEvent::ContextCompacted {
            turn: turn(1),
            trigger: "auto".into(),
            tokens_before: 120,
            tokens_after: 30,
        }),
        SessionEvent::Agent(AgentEvent::Unknown {
            turn: Some(turn(1)),
            raw: json!({ "type": "from_the_future" }),
        }),
        SessionEvent::Turn(TurnEvent::InterruptRequested {
            turn: turn(1),
            by: "ada".into(),
            cause: InterruptCause::User,
        }),
    ]
}

fn ends() -> Vec<SessionEvent> {
    let spent = || -> TurnAccount {
        account(&spend_of(&[("opus", 40), ("haiku", 2)]), &spend_of(&[("opus", 50), ("haiku", 2)]))
    };
    vec![
        SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
            structured_output: Some(json!({ "name": "Bob" })),
            denials: vec![denial()],
            account: spent(),
            ..completion(turn(1), TurnOutcome::MaxTurns, &spend_of(&[]), &spend_of(&[]))
        })),
        SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
            stop_reason: None,
            account: TurnAccount { cost_basis: CostBasis::PriceList, ..TurnAccount::default() },
            ..completion(turn(1), TurnOutcome::Success, &spend_of(&[]), &spend_of(&[]))
        })),
        SessionEvent::Turn(TurnEvent::Failed {
            turn: turn(1),
            cause: FailureCause::ModelApiError,
            detail: "API Error: 529".into(),
            status: Some(529),
            account: spent(),
        }),
        SessionEvent::Turn(TurnEvent::Interrupted {
            turn: turn(1),
            cause: InterruptCause::ServerCrashed,
            account: spent(),
        }),
    ]
}

fn image() -> Attachment {
    Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() }
}
