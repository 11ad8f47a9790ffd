//! One turn of a session: its prompt and what came of it.

use serde::Serialize;
use serde_json::Value;

use crate::agent::Denial;
use crate::ids::TurnId;
use crate::money::{MicroDollars, as_usd_if_known};
use crate::session::event::{CostBasis, TurnAccount};
use crate::session::so_far::SoFar;
use crate::spend::{ModelCall, Usage};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    Queued,
    Running,
    Completed,
    Failed,
    Interrupted,
}

/// One prompt and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TurnView {
    pub id: TurnId,
    /// Absent where the agent began the turn by itself.
    pub prompt: Option<String>,
    /// The background work whose end the agent takes up, where it began the turn by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    pub status: TurnStatus,
    pub result: Option<String>,
    /// `success`, `max_turns`, `budget`, `refused`, `output_schema_unmet`, `not_sent_to_model`,
    /// `interrupted`, `withdrawn`, or the code of the failure.
    pub outcome: Option<String>,
    pub error: Option<TurnError>,
    /// While the turn runs or waits: what its calls of models have cost so far. Null where a model was used
    /// whose price is not known.
    #[serde(with = "as_usd_if_known")]
    #[schema(value_type = Option<f64>, required)]
    pub cost_usd: Option<MicroDollars>,
    /// It is what the public price list asks for the tokens of what was imported.
    pub cost_is_estimate: bool,
    pub usage: Usage,
    pub model: Option<String>,
    pub duration_ms: u64,
    pub duration_api_ms: u64,
    /// The agent's own count of steps.
    pub num_turns: u32,
    pub tools_used: Vec<String>,
    pub files_changed: Vec<String>,
    /// Subagents and commands that it has started and that have not ended.
    pub background: u32,
    pub permission_denials: Vec<Denial>,
    pub structured_output: Option<Value>,
    pub stop_reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    pub first_version: u64,
    pub last_version: u64,
    #[serde(skip)]
    pub(in crate::session) so_far: SoFar,
}

/// Why a turn did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TurnError {
    pub code: String,
    pub detail: String,
    /// The HTTP status of the model's API, where that is what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl TurnView {
    pub(super) fn new(id: TurnId, prompt: Option<String>, version: u64) -> Self {
        Self {
            id,
            prompt,
            task_id: None,
            status: TurnStatus::Queued,
            result: None,
            outcome: None,
            error: None,
            cost_usd: Some(MicroDollars::default()),
            cost_is_estimate: false,
            usage: Usage::default(),
            model: None,
            duration_ms: 0,
            duration_api_ms: 0,
            num_turns: 0,
            tools_used: vec![],
            files_changed: vec![],
            background: 0,
            permission_denials: vec![],
            structured_output: None,
            stop_reason: None,
            started_at: None,
            ended_at: None,
            first_version: version,
            last_version: version,
            so_far: SoFar::default(),
        }
    }

    /// Adds a call. That of a turn which is over is in no account: a subagent works on for it, or the call
    /// broke off with it.
    pub(super) fn count_call(&mut self, call: &ModelCall) {
        self.cost_is_estimate |= call.cost_is_estimate;
        self.cost_usd = self.cost_usd.map(|cost| cost + call.cost_micros);
        self.usage = self.usage.plus(call.usage);
        self.duration_api_ms = self.duration_api_ms.saturating_add(call.duration_ms);
        if !self.is_over() {
            self.so_far.count(call);
        }
    }

    /// Puts the account of all that the turn has used in the place of what was counted so far.
    pub(super) fn settle(&mut self, account: &TurnAccount) {
        let so_far = std::mem::take(&mut self.so_far);
        // There is nothing before it, unless the turn ended before and went on.
        self.cost_usd = account.cost_beside(so_far.cost_before(self.cost_usd));
        self.cost_is_estimate |= account.cost_basis == CostBasis::PriceList;
        self.usage = so_far.usage_before(self.usage).plus(account.spend.usage());
        self.duration_api_ms = so_far.duration_before(self.duration_api_ms) + account.duration_api_ms;
    }

    /// Whether nothing more will happen in this turn.
    pub fn is_over(&self) -> bool {
        match self.status {
            TurnStatus::Queued | TurnStatus::Running => false,
            TurnStatus::Completed | TurnStatus::Failed | TurnStatus::Interrupted => true,
        }
    }

    /// Opens the turn again; what it has used and cost stays.
    pub(super) fn go_on(&mut self) {
        self.status = TurnStatus::Running;
        (self.result, self.outcome, self.error, self.ended_at) = (None, None, None, None);
        (self.structured_output, self.stop_reason) = (None, None);
    }

    pub(super) fn fail(&mut self, status: TurnStatus, error: TurnError) {
        self.status = status;
        self.outcome = Some(error.code.clone());
        self.error = Some(error);
    }
}
