//! What the tests are made of: a server on a log in memory with agents that play, and things to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use runner_core::agent::{AgentOptions, AgentOutcome, AgentOutput, AgentProfile, PermissionMode, TurnReport};
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, Digest, LogStream, Provenance};
use runner_core::people::audit::decision::CallNature;
use runner_core::people::principal::Reach;
use runner_core::ports::{Clock, EventLog};
use runner_core::prompt::Prompt;
use runner_core::request::{
    AgentRequest, Answer, DecidedBy, Decision, RequestKind, Settlement, ToolEffect, ToolGate,
};
use runner_core::session::Session;
use runner_core::session::command::WhileRunning;
use runner_core::session::event::{
    Asked, Decided, Initiator, LifecycleEvent, Origin, PromptEvent, RequestEvent, SessionEvent,
    SessionOpened, TurnEvent,
};
use runner_core::spend::Spend;
use runner_core::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::api_keys::PlainVault;
use super::memory_log::MemoryLog;
use super::replay::{Agent, Heard, ReplayRunner};
use super::workspaces::ReplayFolder;
use crate::{
    AgentProofs, Extensions, HookPolicy, Owners, Prompted, Repository, RunnerError, Services, Sessions,
    Settings, Settled, Submission, Tenants, TrustedFolders,
};

/// Runs a test on an actix system of its own; one that hangs fails.
pub(super) fn run(test: impl Future<Output = ()>) {
    actix::System::new().block_on(async {
        tokio::time::timeout(Duration::from_secs(30), test).await.expect("the test hangs");
    });
}

pub(super) struct Server {
    pub(super) log: Arc<MemoryLog>,
    pub(super) runner: Arc<ReplayRunner>,
    pub(super) trust: TrustedFolders,
    pub(super) repository: Repository,
    pub(super) folder: Arc<ReplayFolder>,
    pub(super) services: Services,
    pub(super) sessions: Sessions,
}

impl Server {
    /// A server with room for many sessions that are not parked while a test runs.
    pub(super) fn start() -> Self {
        Self::start_with(settings())
    }

    pub(super) fn start_with(settings: Settings) -> Self {
        let (log, runner) = (Arc::new(MemoryLog::default()), Arc::new(ReplayRunner::default()));
        let (clock, folder) = (Arc::new(TickingClock::default()), Arc::new(ReplayFolder::default()));
        let repository = Repository::new(Arc::clone(&log) as Arc<_>);
        let (trust, tenants) = (TrustedFolders::new(repository.clone()), Tenants::new(repository.clone()));
        let services = Services {
            log: Arc::clone(&log) as Arc<_>,
            directory: Arc::clone(&log) as Arc<_>,
            files: Arc::clone(&log) as Arc<_>,
            runtime: Arc::clone(&runner) as Arc<_>,
            hook_programs: Arc::clone(&runner) as Arc<_>,
            workspaces: Arc::clone(&folder) as Arc<_>,
            clock: Arc::clone(&clock) as Arc<_>,
            trust: trust.clone(),
            extensions: Extensions::new(repository.clone(), Arc::new(PlainVault), clock, hook_policy()),
            owners: Owners::new(repository.clone(), |_| true),
            tenants,
            proofs: AgentProofs::unchecked(),
            settings,
        };
        let sessions = Sessions::start(services.clone());
        Self { log, runner, trust, repository, folder, services, sessions }
    }

    /// Opens a session and takes its agent.
    pub(super) async fn open(&self, session: SessionId) -> Agent {
        self.sessions.open(opening(session), provenance()).await.unwrap();
        self.runner.agent().await
    }

    /// Opens a session and has its agent work on the prompt 1.
    pub(super) async fn open_and_run(&self, session: SessionId) -> Agent {
        let mut agent = self.open(session).await;
        self.prompt(session, 1).await.unwrap();
        assert_eq!(agent.hears().await, prompt_of(1));
        agent
    }

    /// The same in one step: there is no time in which the session is idle.
    pub(super) async fn open_with_prompt(&self, session: SessionId) -> Agent {
        let submission = submission(1, WhileRunning::Queue);
        self.sessions.open_with_prompt(opening(session), submission, provenance()).await.unwrap();
        let mut agent = self.runner.agent().await;
        assert_eq!(agent.hears().await, prompt_of(1));
        agent
    }

    pub(super) async fn prompt(&self, session: SessionId, number: u128) -> Result<Prompted, RunnerError> {
        self.sessions.prompt(session, submission(number, WhileRunning::Queue), provenance()).await
    }

    pub(super) async fn interrupt(&self, session: SessionId) -> Result<(), RunnerError> {
        self.sessions.interrupt(session, "ada".into(), provenance()).await.map(drop)
    }

    /// Decides a request as Ada.
    pub(super) async fn settle(
        &self,
        session: SessionId,
        request_id: &str,
        decision: Decision,
    ) -> Result<Settled, RunnerError> {
        self.settle_as(session, request_id, answer(decision), provenance()).await
    }

    pub(super) async fn settle_as(
        &self,
        session: SessionId,
        request_id: &str,
        answer: Answer,
        provenance: Provenance,
    ) -> Result<Settled, RunnerError> {
        self.sessions.settle(session, request_id, (answer, DecidedBy::user("ada")), provenance).await
    }

    /// Puts events into the log past the server, as another one would.
    pub(super) async fn store(&self, session: SessionId, events: Vec<SessionEvent>) {
        let expected_version = self.log.events(session).len() as u64;
        let stream = LogStream::of::<Session>(session, TenantId::first());
        let append = Append::to(stream, expected_version, &events, provenance());
        self.log.append(append.unwrap()).await.unwrap();
    }
}

pub(super) fn settings() -> Settings {
    let idle_timeout = Duration::from_secs(3600);
    Settings { node: "n1".into(), max_sessions: 100, max_turns: 100, idle_timeout, spare_agents: 0 }
}

#[derive(Default)]
struct TickingClock(AtomicI64);

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1000, Ordering::Relaxed))
    }
}

pub(super) const fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

pub(super) const fn turn(number: u128) -> TurnId {
    TurnId(Uuid::from_u128(number))
}

pub(super) fn opening(session: SessionId) -> SessionOpened {
    SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/work".into(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: None,
        parent: None,
        schedule: None,
        options: AgentOptions::default(),
    }
}

pub(super) fn submission(number: u128, while_running: WhileRunning) -> Submission {
    Submission {
        turn: turn(number),
        text: Prompt::try_from(format!("prompt {number}")).unwrap(),
        attachments: vec![],
        author: "ada".into(),
        while_running,
    }
}

pub(super) fn prompt_of(number: u128) -> Heard {
    Heard::Prompt(turn(number), format!("prompt {number}"))
}

pub(super) fn opened(number: u128) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(opening(session(number))))
}

pub(super) fn prompted(number: u128) -> SessionEvent {
    let (text, author) = (format!("prompt {number}"), "ada".into());
    SessionEvent::Prompt(PromptEvent::Submitted { turn: turn(number), text, attachments: vec![], author })
}

pub(super) fn started(number: u128) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Started {
        turn: turn(number),
        initiator: Initiator::Prompt,
        process: ProcessId(Uuid::from_u128(77)),
        runtime_version: "2.1".into(),
        node: "n1".into(),
        task_id: None,
    })
}

/// On behalf of a request that nobody sends again.
pub(super) fn provenance() -> Provenance {
    let command = CommandId(Uuid::now_v7());
    Provenance::of("user:ada", command)
}

/// On behalf of a request that may be sent again.
pub(super) fn retriable(command: u128, request_hash: u8) -> Provenance {
    let request_hash = Some(Digest([request_hash; 32]));
    Provenance { command: CommandId(Uuid::from_u128(command)), request_hash, ..provenance() }
}

pub(super) fn introduced() -> AgentOutput {
    AgentOutput::Initialized(AgentProfile { model: "opus".into(), ..AgentProfile::default() })
}

pub(super) fn said(text: &str) -> AgentOutput {
    AgentOutput::Text { message_id: "m1".into(), text: text.into(), parent_tool_use_id: None }
}

/// A request to use a tool; what it is for is told by the tool use.
pub(super) fn asks(request_id: &str, tool_use_id: &str) -> AgentOutput {
    let (kind, request) = (RequestKind::Permission, request(request_id, tool_use_id));
    AgentOutput::Asked { kind, request }
}

pub(super) fn request(request_id: &str, tool_use_id: &str) -> AgentRequest {
    AgentRequest {
        request_id: request_id.into(),
        tool_name: "Bash".into(),
        tool_use_id: tool_use_id.into(),
        input: json!({ "command": tool_use_id }),
        description: "a command".into(),
        reason: None,
        suggestions: vec![],
        subagent: None,
        effect: ToolEffect::RunsCommands,
        target: Some(tool_use_id.into()),
    }
}

/// Whoever writes a hook may have it allow everything.
fn hook_policy() -> HookPolicy {
    let nature = |_: &str, _: &serde_json::Value| CallNature { effect: ToolEffect::Other, target: None };
    HookPolicy { nature, may_bypass: |_| true }
}

pub(super) fn gate(tool_use_id: &str, effect: ToolEffect) -> AgentOutput {
    let (gate_id, tool_name) = ("g1".into(), "Bash".into());
    let (tool_use_id, target) = (tool_use_id.into(), Some(tool_use_id.into()));
    AgentOutput::ToolGated(ToolGate {
        gate_id,
        tool_use_id,
        tool_name,
        effect,
        target,
        input: Arc::default(),
    })
}

pub(super) fn answer(decision: Decision) -> Answer {
    Answer { decision, message: None, updated_input: None, answers: None, remember: false, interrupt: false }
}

/// The request that [`asks`] leads to, as the log has it.
pub(super) fn requested(request_id: &str, tool_use_id: &str) -> SessionEvent {
    let request = request(request_id, tool_use_id);
    SessionEvent::Request(RequestEvent::Asked(Asked {
        kind: RequestKind::Permission,
        turn: turn(1),
        request,
    }))
}

pub(super) fn allowed(request_id: &str) -> SessionEvent {
    SessionEvent::Request(RequestEvent::Decided(Decided {
        kind: RequestKind::Permission,
        turn: turn(1),
        settlement: Settlement {
            request_id: request_id.into(),
            decision: Decision::Allow,
            decided_by: DecidedBy::user("ada"),
            message: None,
            updated_input: None,
            answers: None,
            remember: false,
            interrupt: false,
        },
    }))
}

pub(super) fn done() -> AgentOutput {
    ended(AgentOutcome::Succeeded)
}

pub(super) fn ended(outcome: AgentOutcome) -> AgentOutput {
    AgentOutput::TurnEnded(Box::new(TurnReport {
        outcome,
        text: "done".into(),
        stop_reason: None,
        structured_output: None,
        total: Spend::default(),
        own_spend: None,
        duration_ms: 10,
        total_duration_api_ms: 5,
        unsolicited: false,
        agent_turns: 1,
        denials: vec![],
    }))
}

/// What happened, in few words: the type, and the turn's number, the cause or the request where there is one.
pub(super) fn told(events: &[SessionEvent]) -> Vec<String> {
    events.iter().map(tell).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of the other events the type is enough")]
fn tell(event: &SessionEvent) -> String {
    let name = event.type_name();
    let of = |turn: &TurnId| format!("{name} {}", turn.0.as_u128());
    match event {
        SessionEvent::Prompt(PromptEvent::Submitted { turn, .. })
        | SessionEvent::Turn(TurnEvent::Started { turn, .. } | TurnEvent::InterruptRequested { turn, .. }) => {
            of(turn)
        }
        SessionEvent::Turn(TurnEvent::Completed(completed)) => of(&completed.turn),
        SessionEvent::Turn(TurnEvent::Failed { turn, cause, .. }) => format!("{} {}", of(turn), cause.code()),
        SessionEvent::Turn(TurnEvent::Interrupted { turn, cause, .. }) => {
            format!("{} {}", of(turn), cause.as_str())
        }
        SessionEvent::Turn(TurnEvent::Parked { turn, cause }) => format!("{} {cause:?}", of(turn)),
        SessionEvent::Turn(TurnEvent::Resumed(resumed)) => {
            format!("{} {}", of(&resumed.turn), resumed.request_id)
        }
        SessionEvent::Request(
            RequestEvent::Released { request_id, .. } | RequestEvent::Withdrawn { request_id, .. },
        ) => format!("{name} {request_id}"),
        SessionEvent::Request(RequestEvent::Asked(asked)) => format!("{name} {}", asked.request.request_id),
        SessionEvent::Request(RequestEvent::Decided(decided)) => {
            format!("{name} {}", decided.settlement.request_id)
        }
        _ => name.to_owned(),
    }
}

/// What one person of the first team sees.
pub(super) fn reach(owner: &str) -> Reach {
    Reach { tenant: TenantId::first(), owner: Some(owner.into()) }
}
