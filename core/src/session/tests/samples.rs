//! What the tests are made of: a session, its turns by number, and what an agent might say.

mod requests;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::json;
use uuid::Uuid;

use crate::Session;
use crate::agent::{
    AgentOptions, AgentOutcome, AgentOutput, AgentProfile, Denial, PermissionMode, TurnReport,
};
use crate::ids::{ProcessId, SessionId, TenantId, TurnId};
use crate::log::{Digest, RecordedEvent, Shell};
use crate::money::MicroDollars;
use crate::prompt::Prompt;
use crate::session::command::{Recording, SessionCommand, WhileRunning};
use crate::session::event::{
    AgentCounter, CostBasis, Fallback, Initiator, InterruptCause, LifecycleEvent, Origin, ParkCause,
    PromptEvent, SessionEvent, SessionOpened, ToolEvent, TurnAccount, TurnCompleted, TurnEvent, TurnOutcome,
    TurnResumed,
};
use crate::session::hooks_in_force::HooksInForce;
use crate::session::view::SessionView;
use crate::spend::{BudgetKind, BudgetSpent, CallOutcome, ModelCall, ModelUse, Spend, Usage};
use crate::time::Timestamp;
pub(super) use requests::{
    again, answer, asks, asks_in, comes_to_gate, comes_to_gate_under, decided, permission_request,
    permission_requested, released, requested, settle, settlement,
};

pub(super) fn given(events: impl IntoIterator<Item = SessionEvent>) -> AggregateTestExecutor<Shell<Session>> {
    TestFramework::with(()).given(events.into_iter().collect())
}

pub(super) const fn session() -> SessionId {
    SessionId(Uuid::from_u128(0xa))
}

pub(super) const fn turn(number: u128) -> TurnId {
    TurnId(Uuid::from_u128(number))
}

/// A turn that begins without a prompt gets this id.
pub(super) const SPARE: TurnId = turn(99);

pub(super) const fn process(number: u128) -> ProcessId {
    ProcessId(Uuid::from_u128(number))
}

pub(super) fn opening() -> SessionOpened {
    SessionOpened {
        session: session(),
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/srv".into(),
        permission_mode: PermissionMode::AcceptEdits,
        origin: Origin::Api,
        offline: false,
        title: None,
        parent: None,
        schedule: None,
        options: AgentOptions::default(),
    }
}

pub(super) fn opened() -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(opening()))
}

pub(super) fn prompted(number: u128) -> SessionEvent {
    prompted_with(number, &format!("prompt {number}"))
}

pub(super) fn prompted_with(number: u128, text: &str) -> SessionEvent {
    let (turn, text, author) = (turn(number), text.to_owned(), "ada".into());
    SessionEvent::Prompt(PromptEvent::Submitted { turn, text, attachments: vec![], author })
}

pub(super) fn started(number: u128) -> SessionEvent {
    started_in(number, 1)
}

pub(super) fn started_in(number: u128, process_number: u128) -> SessionEvent {
    began(turn(number), Initiator::Prompt, process_number)
}

pub(super) fn began_by_itself() -> SessionEvent {
    began(SPARE, Initiator::Agent, 1)
}

fn began(turn: TurnId, initiator: Initiator, process_number: u128) -> SessionEvent {
    let process = process(process_number);
    SessionEvent::Turn(TurnEvent::Started {
        turn,
        initiator,
        process,
        runtime_version: "2.1".into(),
        node: "n1".into(),
        task_id: None,
    })
}

pub(super) fn interrupt_requested(number: u128) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::InterruptRequested {
        turn: turn(number),
        by: "ada".into(),
        cause: InterruptCause::User,
    })
}

/// The event that ends a turn well after the process has spent `total` in all and `share` in this turn.
pub(super) fn completed(number: u128, share: &Spend, total: &Spend) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Completed(completion(turn(number), TurnOutcome::Success, share, total)))
}

pub(super) fn completion(turn: TurnId, outcome: TurnOutcome, share: &Spend, total: &Spend) -> TurnCompleted {
    TurnCompleted {
        turn,
        outcome,
        result: "all done".into(),
        stop_reason: Some("end_turn".into()),
        structured_output: None,
        agent_turns: 2,
        denials: vec![],
        account: account(share, total),
    }
}

/// What [`report`] leads to, given the process's counter stood at `total - share` before.
pub(super) fn account(share: &Spend, total: &Spend) -> TurnAccount {
    TurnAccount {
        spend: share.clone(),
        duration_ms: 1200,
        duration_api_ms: share.cost_micros.0,
        counter: AgentCounter { spend: total.clone(), duration_api_ms: total.cost_micros.0 },
        cost_basis: CostBasis::Counted,
    }
}

/// Nothing spent, and the process's counter where it stood.
pub(super) fn unreported(counter: &Spend) -> TurnAccount {
    let counter = AgentCounter { spend: counter.clone(), duration_api_ms: counter.cost_micros.0 };
    TurnAccount { counter, ..TurnAccount::default() }
}

/// A reading of a counter where one model was used; its token counts follow from the amount.
pub(super) fn spend(micros: u64) -> Spend {
    spend_of(&[("opus", micros)])
}

pub(super) fn spend_of(models: &[(&str, u64)]) -> Spend {
    let used = |micros| ModelUse { usage: usage(micros), cost_micros: MicroDollars(micros) };
    Spend {
        cost_micros: models.iter().map(|(_, micros)| MicroDollars(*micros)).sum(),
        models: models.iter().map(|(name, micros)| ((*name).to_owned(), used(*micros))).collect(),
    }
}

pub(super) fn usage(micros: u64) -> Usage {
    Usage {
        input_tokens: micros * 10,
        output_tokens: micros * 2,
        cache_read_input_tokens: micros * 3,
        cache_creation_input_tokens: micros * 4,
    }
}

/// The agent's report; its API time grows with what was spent.
pub(super) fn report(outcome: AgentOutcome, total: &Spend) -> TurnReport {
    TurnReport {
        outcome,
        text: "all done".into(),
        stop_reason: Some("end_turn".into()),
        structured_output: None,
        total: total.clone(),
        own_spend: None,
        duration_ms: 1200,
        total_duration_api_ms: total.cost_micros.0,
        agent_turns: 2,
        denials: vec![],
        unsolicited: false,
    }
}

pub(super) fn submit(number: u128, while_running: WhileRunning) -> SessionCommand {
    SessionCommand::SubmitPrompt {
        turn: turn(number),
        text: Prompt::try_from(format!("prompt {number}")).unwrap(),
        attachments: vec![],
        author: "ada".into(),
        while_running,
    }
}

pub(super) fn start() -> SessionCommand {
    SessionCommand::StartTurn { process: process(1), runtime_version: "2.1".into(), node: "n1".into() }
}

pub(super) fn request_interrupt() -> SessionCommand {
    SessionCommand::RequestInterrupt { by: "ada".into(), cause: InterruptCause::User }
}

pub(super) fn record(output: AgentOutput) -> SessionCommand {
    record_of(1, output)
}

pub(super) fn record_of(process_number: u128, output: AgentOutput) -> SessionCommand {
    SessionCommand::Record(Box::new(Recording {
        output,
        process: process(process_number),
        runtime_version: "2.1".into(),
        node: "n1".into(),
        spare_turn: SPARE,
        hooks: HooksInForce::default(),
    }))
}

pub(super) fn record_end(outcome: AgentOutcome, total: &Spend) -> SessionCommand {
    record(AgentOutput::TurnEnded(Box::new(report(outcome, total))))
}

pub(super) fn profile(model: &str) -> AgentProfile {
    AgentProfile { model: model.into(), tools: vec!["Bash".into()], ..AgentProfile::default() }
}

pub(super) fn said(text: &str) -> AgentOutput {
    AgentOutput::Text { message_id: "m1".into(), text: text.into(), parent_tool_use_id: None }
}

/// A session whose first turn runs.
pub(super) fn running() -> Vec<SessionEvent> {
    vec![opened(), prompted(1), started(1)]
}

pub(super) fn parked() -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Parked { turn: turn(1), cause: ParkCause::Idle })
}

/// The second process takes the turn up.
pub(super) fn resumed(request_id: &str, fallback: Option<Fallback>) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Resumed(TurnResumed {
        turn: turn(1),
        attempt: 2,
        process: process(2),
        runtime_version: "2.1".into(),
        node: "n1".into(),
        request_id: request_id.into(),
        fallback,
    }))
}

/// A call that cost twelve micro-dollars.
pub(super) fn model_call() -> ModelCall {
    let usage = Usage { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: 3, ..Usage::default() };
    ModelCall {
        call_id: None,
        model: "opus".into(),
        outcome: CallOutcome::CutOff,
        usage,
        cost_micros: MicroDollars(12),
        cost_is_estimate: false,
        key: Some(session().0),
        status: Some(200),
        duration_ms: 34,
        api_request_id: Some("req_1".into()),
        subagent: None,
    }
}

/// A month's budget of a dollar.
pub(super) fn budget_spent() -> BudgetSpent {
    BudgetSpent {
        budget: BudgetKind::Month,
        spent_micros: MicroDollars(1_000_012),
        limit_micros: MicroDollars(1_000_000),
        resets_at_micros: Some(1_796_083_200_000_000),
    }
}

pub(super) fn denial() -> Denial {
    Denial { tool_name: "Write".into(), tool_use_id: "tool-1".into(), tool_input: json!({}) }
}

/// The second `version` of a log in which an event is recorded every second.
pub(super) const fn at(version: u64) -> Timestamp {
    Timestamp::from_micros(1_795_343_053_000_000 + version.cast_signed() * 1_000_000)
}

pub(super) fn recorded(version: u64, event: &SessionEvent) -> RecordedEvent {
    RecordedEvent {
        position: version,
        version,
        type_name: event.type_name().into(),
        schema: event.schema(),
        recorded_at: at(version),
        actor: "agent".into(),
        http_request_id: None,
        data: event.encode().unwrap(),
        payload_hash: Digest::default(),
        hash: Digest::default(),
    }
}

/// The view of a session with these events after the one that opened it.
pub(super) fn viewed(events: &[SessionEvent]) -> SessionView {
    let mut view = SessionView::open(&opened(), at(1)).unwrap();
    for (version, event) in (2..).zip(events) {
        view.apply(&recorded(version, event), event);
    }
    view
}

/// A tool use of the conversation.
pub(super) fn called_tool(tool_use_id: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Used {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        name: "Agent".into(),
        input: json!({ "prompt": "Look around" }),
        parent_tool_use_id: None,
    })
}

pub(super) fn returned(tool_use_id: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Returned {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        is_error: false,
        content: json!("launched"),
        structured: None,
        decided_by: None,
    })
}
