//! The processes of the agents that live: how much of the machine each agent takes, with all that it started.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, web};
use runner_actors::{MeasuredAgent, Sessions};
use runner_core::ids::{ProcessId, SessionId};
use runner_core::people::principal::Reach;
use runner_core::ports::ProcessUsage;
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::ApiError;
use crate::request::read::Read;
use crate::stream::board::{self, Board};
use crate::stream::{Outbox, wants_stream};

/// How often they are measured for those who watch.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// The agents that have a process now, the oldest process first.
#[derive(PartialEq, Serialize, utoipa::ToSchema)]
struct AgentProcessList {
    processes: Vec<AgentProcessView>,
}

/// An agent with everything that it has started.
#[derive(PartialEq, Serialize, utoipa::ToSchema)]
struct AgentProcessView {
    /// The `process` in the session's log.
    id: ProcessId,
    session_id: SessionId,
    owner: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[serde(flatten)]
    usage: ProcessUsage,
}

/// What the agents of one's sessions take of the machine now: memory, processor time since their start, and
/// how many processes they are; for admins, of all sessions of the team. With `Accept: text/event-stream`
/// the same again every two seconds while something changes.
#[utoipa::path(
    tag = "agents",
    responses((
        status = 200,
        description = "A list; or server-sent events, each a whole list",
        content((AgentProcessList = "application/json"), (AgentProcessList = "text/event-stream")),
    ))
)]
#[get("/api/agents/processes")]
pub(crate) async fn list_agent_processes(
    request: HttpRequest,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (sessions, reach) = (context.sessions.clone(), read.caller.reach());
    if wants_stream(&request) {
        let place = context.streams.open(&read.caller)?;
        let changes = context.sessions.subscribe_to_any();
        return Ok(board::respond(ProcessBoard { sessions, reach, last: None }, changes, place));
    }
    Ok(HttpResponse::Ok().json(list(&sessions, &reach).await))
}

async fn list(sessions: &Sessions, reach: &Reach) -> AgentProcessList {
    let view = |MeasuredAgent { process, session, owner, started_at, usage }| AgentProcessView {
        id: process,
        session_id: session,
        owner,
        started_at,
        usage,
    };
    AgentProcessList { processes: sessions.live_agents(reach).await.into_iter().map(view).collect() }
}

struct ProcessBoard {
    sessions: Sessions,
    reach: Reach,
    last: Option<AgentProcessList>,
}

impl Board for ProcessBoard {
    async fn look(&mut self, outbox: &mut Outbox) -> bool {
        let now = list(&self.sessions, &self.reach).await;
        if self.last.as_ref() != Some(&now) {
            outbox.live(&now);
            self.last = Some(now);
        }
        true
    }

    fn every(&self) -> Option<Duration> {
        Some(BETWEEN_LOOKS)
    }
}
