//! The requests of the agent in a session: those that wait, and how the others were closed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::ids::{SessionId, TurnId};
use crate::request::{AgentRequest, DecidedBy, Decision, RequestKind, Settlement};
use crate::session::event::Asked;
use crate::time::Timestamp;

/// A request of the agent, with its decision once there is one.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RequestView {
    pub kind: RequestKind,
    pub session_id: SessionId,
    pub turn_id: TurnId,
    #[serde(flatten)]
    pub request: AgentRequest,
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    pub version: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decided: Option<DecidedView>,
    /// Why nobody need decide any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
}

/// How a request was decided.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DecidedView {
    pub decision: Decision,
    pub decided_by: DecidedBy,
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub answers: Option<BTreeMap<String, Value>>,
}

impl RequestView {
    pub fn new(session: SessionId, asked: &Asked, (requested_at, version): (Timestamp, u64)) -> Self {
        Self {
            kind: asked.kind,
            session_id: session,
            turn_id: asked.turn,
            request: asked.request.clone(),
            requested_at,
            version,
            decided: None,
            withdrawn: None,
        }
    }
}

/// The requests of a session in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RequestHistory {
    closed: Vec<RequestView>,
}

impl RequestHistory {
    pub(super) fn find(&self, request_id: &str) -> Option<&RequestView> {
        self.closed.iter().rev().find(|view| view.request.request_id == request_id)
    }

    pub(super) fn all(&self) -> &[RequestView] {
        &self.closed
    }

    pub(super) fn decide(&mut self, pending: &mut Vec<RequestView>, settlement: &Settlement, at: Timestamp) {
        self.close(pending, &settlement.request_id, |view| {
            view.decided = Some(DecidedView {
                decision: settlement.decision,
                decided_by: settlement.decided_by.clone(),
                decided_at: at,
                message: settlement.message.clone(),
                updated_input: settlement.updated_input.clone(),
                answers: settlement.answers.clone(),
            });
        });
    }

    pub(super) fn withdraw(&mut self, pending: &mut Vec<RequestView>, request_id: &str, reason: &str) {
        self.close(pending, request_id, |view| view.withdrawn = Some(reason.to_owned()));
    }

    pub(super) fn end_turn(&mut self, pending: &mut Vec<RequestView>) {
        // What a subagent asks ends with that.
        for mut view in pending.extract_if(.., |view| view.request.subagent.is_none()) {
            view.withdrawn = Some("the turn ended before it was decided".to_owned());
            self.closed.push(view);
        }
    }

    fn close(
        &mut self,
        pending: &mut Vec<RequestView>,
        request_id: &str,
        change: impl FnOnce(&mut RequestView),
    ) {
        if let Some(index) = pending.iter().position(|view| view.request.request_id == request_id) {
            let mut view = pending.remove(index);
            change(&mut view);
            self.closed.push(view);
        }
    }
}
