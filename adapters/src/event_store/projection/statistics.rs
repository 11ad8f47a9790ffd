//! What an event adds to the statistics. Where the account of a turn adds something to its calls, and how
//! long a request has waited, the session's index knows, as it is before the event.

use std::collections::BTreeMap;

use runner_core::ids::{SessionId, TenantId, TurnId};
use runner_core::request::{Decision, Settlement};
use runner_core::session::event::{
    CostBasis, Decided, FilesEvent, InterruptCause, RequestEvent, SessionEvent, SpendEvent, ToolEvent,
    TurnAccount, TurnEvent, TurnOutcome,
};
use runner_core::session::index::SessionIndex;
use runner_core::spend::{CallOutcome, ModelCall, Usage};
use runner_core::statistics::Tally;

use super::{Place, is_copied};

/// What a row of the statistics is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::event_store) enum Dimension {
    All,
    Model,
    Tool,
    WorkingDir,
    Key,
}

impl Dimension {
    pub(in crate::event_store) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::WorkingDir => "working_dir",
            Self::Key => "key",
        }
    }
}

/// A row of the statistics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::event_store) struct StatsKey {
    pub(in crate::event_store) tenant: TenantId,
    pub(in crate::event_store) dimension: Dimension,
    /// Empty for the whole team.
    pub(in crate::event_store) owner: String,
    pub(in crate::event_store) day: String,
    pub(in crate::event_store) name: String,
}

impl StatsKey {
    /// The same of the whole team.
    pub(in crate::event_store) fn of_team(&self) -> Self {
        Self { owner: String::new(), ..self.clone() }
    }
}

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::event_store) enum Measure {
    Turn,
    Wait,
}

impl Measure {
    pub(in crate::event_store) const fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Wait => "wait",
        }
    }
}

/// A tool's result that is an error. The name of the tool stands in an earlier event.
#[derive(Clone, Debug)]
pub(in crate::event_store) struct ToolError {
    pub(in crate::event_store) session: SessionId,
    pub(in crate::event_store) version: u64,
    pub(in crate::event_store) tool_use_id: String,
    /// The row of the tool, its name left out.
    pub(in crate::event_store) key: StatsKey,
}

/// Changes of the statistics, for the owners; the teams' follow from them.
#[derive(Debug, Default)]
pub(in crate::event_store) struct Counted {
    pub(in crate::event_store) tallies: BTreeMap<StatsKey, Tally>,
    /// In the order of the log.
    pub(in crate::event_store) times: Vec<(StatsKey, Measure, u64)>,
    pub(in crate::event_store) tool_errors: Vec<ToolError>,
}

impl Counted {
    pub(in crate::event_store) fn is_empty(&self) -> bool {
        self.tallies.is_empty() && self.times.is_empty() && self.tool_errors.is_empty()
    }
}

/// What an event of a session is counted for: everything, its folder, and what else it is about.
struct Scope<'a> {
    index: &'a SessionIndex,
    place: Place,
    about: Vec<(Dimension, &'a str)>,
}

impl<'a> Scope<'a> {
    fn about(&self, about: &[(Dimension, &'a str)]) -> Self {
        Self { index: self.index, place: self.place, about: about.to_vec() }
    }

    fn key(&self, dimension: Dimension, name: &str) -> StatsKey {
        StatsKey {
            tenant: self.index.tenant.clone(),
            dimension,
            owner: self.index.head.owner.clone(),
            day: self.place.at.day(),
            name: name.to_owned(),
        }
    }

    fn keys(&self) -> impl Iterator<Item = StatsKey> {
        let folder = self.index.head.working_dir.as_str();
        let all = [(Dimension::All, ""), (Dimension::WorkingDir, folder)];
        all.into_iter().chain(self.about.iter().copied()).map(|(dimension, name)| self.key(dimension, name))
    }

    fn count(&self, counted: &mut Counted, tally: &Tally) {
        for key in self.keys() {
            let sum = counted.tallies.entry(key).or_default();
            *sum = sum.plus(tally);
        }
    }

    fn time(&self, counted: &mut Counted, measure: Measure, millis: u64) {
        counted.times.extend(self.keys().map(|key| (key, measure, millis)));
    }
}

/// Notes what an event adds; what a fork copied was counted where it happened.
pub(super) fn note(counted: &mut Counted, index: &SessionIndex, event: &SessionEvent, place: Place) {
    if is_copied(index, place) {
        return;
    }
    let scope = Scope { index, place, about: vec![] };
    match event {
        SessionEvent::Turn(event) => note_turn(counted, &scope, event),
        SessionEvent::Spend(event) => note_spend(counted, &scope, event),
        SessionEvent::Tool(event) => note_tool(counted, &scope, event),
        SessionEvent::Request(event) => note_request(counted, &scope, event),
        SessionEvent::Files(event) => note_files(counted, &scope, event),
        SessionEvent::Lifecycle(_)
        | SessionEvent::Prompt(_)
        | SessionEvent::Agent(_)
        | SessionEvent::Message(_)
        | SessionEvent::Background(_)
        | SessionEvent::Setting(_)
        | SessionEvent::Hook(_) => {}
    }
}

fn note_turn(counted: &mut Counted, scope: &Scope<'_>, event: &TurnEvent) {
    let once = Tally::default();
    let (turn, account, ended) = match event {
        TurnEvent::Completed(completed) => {
            let ended = match completed.outcome {
                TurnOutcome::Success => Tally { turns_succeeded: 1, ..once },
                TurnOutcome::MaxTurns
                | TurnOutcome::MaxBudget
                | TurnOutcome::Refused
                | TurnOutcome::OutputSchemaUnmet
                | TurnOutcome::NotSentToModel => Tally { turns_unsuccessful: 1, ..once },
            };
            (completed.turn, &completed.account, ended)
        }
        TurnEvent::Failed { turn, account, .. } => (*turn, account, Tally { turns_failed: 1, ..once }),
        // The copy of a turn went its way in the other session.
        TurnEvent::Interrupted { cause: InterruptCause::Forked, .. } => return,
        TurnEvent::Interrupted { turn, account, .. } => {
            (*turn, account, Tally { turns_interrupted: 1, ..once })
        }
        TurnEvent::Started { .. }
        | TurnEvent::InterruptRequested { .. }
        | TurnEvent::Parked { .. }
        | TurnEvent::Resumed(_)
        | TurnEvent::Continued { .. } => return,
    };
    count_withdrawn_with_turn(counted, scope);
    count_account(counted, scope, account);
    // One that went on after an end was counted at that.
    if !scope.index.has_continued() {
        let unpriced = u64::from(account.cost_basis == CostBasis::Unknown);
        let of_model = scope.about(&[(Dimension::Model, session_model(scope.index))]);
        of_model.count(counted, &Tally { turns_unpriced: unpriced, ..ended });
        of_model.time(counted, Measure::Turn, duration_millis(scope, turn, account));
    }
}

fn session_model(index: &SessionIndex) -> &str {
    index.head.model.as_deref().unwrap_or_default()
}

/// As the turn's view has it: the agent's word, or from its beginning to its end.
fn duration_millis(scope: &Scope<'_>, turn: TurnId, account: &TurnAccount) -> u64 {
    match (account.duration_ms, scope.index.turn_since(turn)) {
        (0, Some(since)) => scope.place.at.millis_since(since),
        (reported, _) => reported,
    }
}

/// What a turn has used that was not counted call by call.
fn count_account(counted: &mut Counted, scope: &Scope<'_>, account: &TurnAccount) {
    if scope.index.is_metered() {
        return;
    }
    let estimate = u64::from(account.cost_basis == CostBasis::PriceList);
    let mut rest = account.spend.cost_micros;
    for (model, used) in &account.spend.models {
        rest = rest.saturating_sub(used.cost_micros);
        let tally = Tally { cost_estimates: estimate, ..spent(used.usage, used.cost_micros.0) };
        scope.about(&[(Dimension::Model, model), (Dimension::Key, "")]).count(counted, &tally);
    }
    if rest.0 > 0 {
        let of_no_model =
            scope.about(&[(Dimension::Model, session_model(scope.index)), (Dimension::Key, "")]);
        of_no_model.count(counted, &Tally { cost_micros: rest.0, ..Tally::default() });
    }
}

fn spent(usage: Usage, cost_micros: u64) -> Tally {
    Tally {
        cost_micros,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_input_tokens: usage.cache_read_input_tokens,
        cache_creation_input_tokens: usage.cache_creation_input_tokens,
        ..Tally::default()
    }
}

fn note_spend(counted: &mut Counted, scope: &Scope<'_>, event: &SpendEvent) {
    match event {
        SpendEvent::ModelCalled { call, .. } => count_call(counted, scope, call),
        SpendEvent::UsageReported { .. } | SpendEvent::BudgetExhausted { .. } => {}
    }
}

fn count_call(counted: &mut Counted, scope: &Scope<'_>, call: &ModelCall) {
    let (calls_failed, calls_cut_off) = match call.outcome {
        CallOutcome::Completed => (0, 0),
        CallOutcome::Failed => (1, 0),
        CallOutcome::CutOff => (0, 1),
    };
    let key = call.key.map(|key| key.to_string()).unwrap_or_default();
    let tally = Tally {
        calls: 1,
        calls_failed,
        calls_cut_off,
        cost_estimates: u64::from(call.cost_is_estimate),
        ..spent(call.usage, call.cost_micros.0)
    };
    let about = vec![(Dimension::Model, call.model.as_str()), (Dimension::Key, key.as_str())];
    Scope { index: scope.index, place: scope.place, about }.count(counted, &tally);
}

fn note_tool(counted: &mut Counted, scope: &Scope<'_>, event: &ToolEvent) {
    match event {
        ToolEvent::Used { name, .. } => {
            let tally = Tally { tool_calls: 1, ..Tally::default() };
            scope.about(&[(Dimension::Tool, name)]).count(counted, &tally);
        }
        ToolEvent::Returned { is_error: true, tool_use_id, .. } => {
            scope.count(counted, &Tally { tool_errors: 1, ..Tally::default() });
            counted.tool_errors.push(ToolError {
                session: scope.index.head.id,
                version: scope.place.version,
                tool_use_id: tool_use_id.clone(),
                key: scope.key(Dimension::Tool, ""),
            });
        }
        ToolEvent::PolicyApplied { tool_name, decision: Decision::Deny, .. } => {
            let tally = Tally { tool_refusals: 1, ..Tally::default() };
            scope.about(&[(Dimension::Tool, tool_name)]).count(counted, &tally);
        }
        ToolEvent::Returned { is_error: false, .. }
        | ToolEvent::Abandoned { .. }
        | ToolEvent::PolicyApplied { decision: Decision::Allow, .. } => {}
    }
}

fn note_request(counted: &mut Counted, scope: &Scope<'_>, event: &RequestEvent) {
    let one = Tally::default();
    match event {
        RequestEvent::Asked(asked) => {
            let tool = scope.about(&[(Dimension::Tool, &asked.request.tool_name)]);
            tool.count(counted, &Tally { requests_asked: 1, ..one });
        }
        RequestEvent::Decided(Decided { settlement: Settlement { request_id, decision, .. }, .. }) => {
            let Some(waiting) = scope.index.waiting(request_id) else { return };
            let tool = scope.about(&[(Dimension::Tool, &waiting.tool)]);
            let tally = match decision {
                Decision::Allow => Tally { requests_allowed: 1, ..one },
                Decision::Deny => Tally { requests_denied: 1, ..one },
            };
            tool.count(counted, &tally);
            tool.time(counted, Measure::Wait, waiting.millis_until(scope.place.at));
        }
        RequestEvent::Withdrawn { request_id, .. } => count_withdrawn(counted, scope, request_id),
        RequestEvent::Released { .. } => {}
    }
}

/// What the conversation itself asked need not be decided after the end of its turn.
fn count_withdrawn_with_turn(counted: &mut Counted, scope: &Scope<'_>) {
    for request_id in scope.index.ending_with_turn() {
        count_withdrawn(counted, scope, request_id);
    }
}

fn count_withdrawn(counted: &mut Counted, scope: &Scope<'_>, request_id: &str) {
    let Some(waiting) = scope.index.waiting(request_id) else { return };
    let tally = Tally { requests_withdrawn: 1, ..Tally::default() };
    scope.about(&[(Dimension::Tool, &waiting.tool)]).count(counted, &tally);
}

fn note_files(counted: &mut Counted, scope: &Scope<'_>, event: &FilesEvent) {
    let (path, added, removed) = match event {
        FilesEvent::Changed { change, .. } => (&change.path, change.added, change.removed),
        FilesEvent::WorkspaceChanged { change, .. } => (&change.path, change.added, change.removed),
        FilesEvent::WorkspaceUnobserved { .. } | FilesEvent::Rewound { .. } => return,
    };
    let tally = Tally {
        files_changed: u64::from(!scope.index.has_changed(path)),
        file_changes: 1,
        lines_added: added.into(),
        lines_removed: removed.into(),
        ..Tally::default()
    };
    scope.count(counted, &tally);
}
