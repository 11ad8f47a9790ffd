//! One call from its question to the last byte of its answer. However it ends, it is reported exactly once.

use std::sync::Arc;
use std::time::Instant;

use hyper::HeaderMap;
use hyper::header::HeaderName;
use runner_core::agent::AgentOutput;
use runner_core::money::MicroDollars;
use runner_core::ports::model::BudgetError;
use runner_core::spend::{BudgetSpent, CallOutcome, ModelCall, Usage};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::meter::{Meter, Progress};
use super::passes::Grant;
use super::prices;
use super::refusal::Refusal;
use super::reservation::Reservation;

const SUBAGENT: HeaderName = HeaderName::from_static("x-claude-code-agent-id");
const MAX_NAME_CHARS: usize = 64;

/// A call that is under way. A call that is dropped before its end was cut off.
pub(super) struct Call {
    id: Uuid,
    pub(super) grant: Arc<Grant>,
    asked: Asked,
    /// The subagent that asks, by the id of its task.
    subagent: Option<String>,
    meter: Meter,
    begun: Instant,
    key: Option<Uuid>,
    is_sent: bool,
    status: Option<u16>,
    api_request_id: Option<String>,
    /// The money set aside for the call and its key. Without it, nothing is counted.
    reservation: Option<Reservation>,
    /// The part of the cost that has been counted against budgets.
    paid: MicroDollars,
    is_reported: bool,
    /// A place among the calls of its process. The last field, so it is given back after the report.
    _place: OwnedSemaphorePermit,
}

/// The parts of a question that its price depends on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    model: String,
    max_tokens: u64,
    #[serde(skip)]
    bytes: u64,
}

impl Asked {
    fn read(question: &[u8]) -> Self {
        let asked: Self = serde_json::from_slice(question).unwrap_or_default();
        Self { bytes: question.len() as u64, ..asked }
    }

    fn estimate(&self) -> MicroDollars {
        prices::estimate(&self.model, self.bytes, self.max_tokens)
    }
}

impl Call {
    pub(super) fn begin(
        grant: Arc<Grant>,
        headers: &HeaderMap,
        question: &[u8],
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            grant,
            asked: Asked::read(question),
            subagent: subagent(headers),
            meter: Meter::default(),
            begun: Instant::now(),
            key: None,
            is_sent: false,
            status: None,
            api_request_id: None,
            reservation: None,
            paid: MicroDollars::default(),
            is_reported: false,
            _place: place,
        }
    }

    /// Makes the call free: no reservation, and no `model_called` event.
    pub(super) fn free(mut self) -> Self {
        self.is_reported = true;
        self
    }

    /// Sets money aside for the call with this key. For a free call, checks only that its owner may ask.
    pub(super) async fn try_with(&mut self, key: Option<Uuid>) -> Result<(), BudgetError> {
        self.key = key;
        // The reservation of another key is given back before the owner of this one is asked.
        self.reservation = None;
        if self.is_reported {
            self.grant.budgets.admit(&self.grant.scope).await?;
        } else {
            self.reservation = Some(Reservation::make(&self.grant, key, self.asked.estimate()).await?);
        }
        Ok(())
    }

    /// Ends a call that was not made. The spent budget is reported, not the call.
    pub(super) async fn unaffordable(&mut self, spent: BudgetSpent) -> Refusal {
        let refusal = Refusal::budget_spent(&spent);
        self.is_reported = true;
        self.grant.report(AgentOutput::BudgetExhausted(spent)).await;
        refusal
    }

    /// Marks the question as sent: from now on it costs money, even if nobody waits for the answer.
    pub(super) fn sent(&mut self) {
        if !self.is_sent && !self.is_reported {
            self.grant.notes.note(&self.unanswered());
        }
        (self.is_sent, self.status) = (true, None);
    }

    /// The call as it is told if nobody lives to hear the answer: at least its input is paid.
    fn unanswered(&self) -> ModelCall {
        let mut meter = Meter::default();
        meter.assume_input(self.asked.bytes);
        let (usage, cost_micros) = meter.reading(&self.asked.model);
        ModelCall {
            call_id: Some(self.id),
            model: self.asked.model.clone(),
            outcome: CallOutcome::CutOff,
            usage,
            cost_micros,
            cost_is_estimate: true,
            key: self.key,
            status: None,
            duration_ms: 0,
            api_request_id: None,
            subagent: self.subagent.clone(),
        }
    }

    pub(super) fn answered(&mut self, status: u16, api_request_id: Option<String>) {
        (self.status, self.api_request_id) = (Some(status), api_request_id);
    }

    /// Takes a whole answer.
    pub(super) async fn end(&mut self, answer: &[u8]) {
        let is_good = self.status.is_some_and(is_good);
        if is_good {
            self.meter.whole(answer);
        }
        self.report(if is_good { CallOutcome::Completed } else { CallOutcome::Failed }).await;
    }

    /// Takes a piece of a streamed answer. The end of the stream is reported before the agent sees it: when
    /// the agent acts on an answer, the answer has been counted.
    pub(super) async fn passing(&mut self, piece: &[u8]) {
        let progress = self.meter.stream(piece);
        if self.meter.take_news() {
            self.pay();
        }
        match progress {
            Progress::Open => {}
            Progress::Complete => self.report(CallOutcome::Completed).await,
            Progress::Failed => self.report(CallOutcome::Failed).await,
        }
    }

    /// Ends the stream; a message that had not ended by itself was cut off.
    pub(super) async fn stream_ended(&mut self) {
        self.report(CallOutcome::CutOff).await;
    }

    pub(super) async fn refused(&mut self, refusal: &Refusal) {
        self.status.get_or_insert(refusal.status.as_u16());
        self.report(CallOutcome::Failed).await;
    }

    async fn report(&mut self, outcome: CallOutcome) {
        if let Some(call) = self.take(outcome) {
            self.grant.report(AgentOutput::ModelCalled(call)).await;
        }
    }

    /// Counts the cost that has become known since the last time.
    fn pay(&mut self) -> (String, Usage, MicroDollars) {
        let model = self.meter.model().unwrap_or(&self.asked.model).to_owned();
        let (usage, cost) = self.meter.reading(&model);
        let more = cost.saturating_sub(self.paid);
        if more > MicroDollars::default()
            && let Some(reservation) = &mut self.reservation
        {
            reservation.pay(more);
        }
        self.paid += more;
        (model, usage, cost)
    }

    fn take(&mut self, outcome: CallOutcome) -> Option<ModelCall> {
        if std::mem::replace(&mut self.is_reported, true) {
            return None;
        }
        if self.is_sent && self.status.is_none_or(is_good) {
            self.meter.assume_input(self.asked.bytes);
        }
        let (model, usage, cost_micros) = self.pay();
        // A call that failed costs nothing, for certain.
        let cost_is_estimate = cost_micros > MicroDollars::default() && self.meter.is_estimate(&model);
        self.reservation = None;
        Some(ModelCall {
            call_id: Some(self.id),
            model,
            outcome,
            usage,
            cost_micros,
            cost_is_estimate,
            key: self.key,
            status: self.status,
            duration_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            api_request_id: self.api_request_id.take(),
            subagent: self.subagent.take(),
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(call) = self.take(CallOutcome::CutOff) {
            self.grant.report_later(AgentOutput::ModelCalled(call));
        }
    }
}

/// The name that Claude Code gives a subagent in its questions, if it looks like one.
fn subagent(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(SUBAGENT)?.to_str().ok()?;
    let is_name =
        name.len() <= MAX_NAME_CHARS && name.chars().all(|character| character.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}

const fn is_good(status: u16) -> bool {
    matches!(status, 200..300)
}
