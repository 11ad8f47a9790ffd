//! The subagents of all sessions that somebody may see: a page of them, or what becomes of them live.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use runner_actors::{RunnerError, Sessions};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use runner_core::ports::{ReadError, SubagentRecord};
use runner_core::subagents::{ListedSubagent, Subagent, SubagentFilter, SubagentState};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, subagent_not_found};
use crate::request::body::Nothing;
use crate::request::query::limit;
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;
use crate::stream::board::{self, Board};
use crate::stream::{Outbox, PAGE, last_event_id, wants_stream};

/// The most that are shown where there are no pages.
const MAX_SHOWN: u32 = 200;

#[derive(Serialize, utoipa::ToSchema)]
struct SubagentPage {
    subagents: Vec<Subagent>,
    next_cursor: Option<String>,
}

/// Which subagents are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubagentsQuery {
    /// 1 to 200; 50 if absent. A stream has no limit.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
    /// All if absent; `ended` is each that is over. A stream tells the end of what it has shown.
    #[param(inline)]
    state: Option<SubagentState>,
    /// Those of one session.
    session: Option<String>,
}

/// Subagents, and commands that ran beside the conversation, of all sessions; the last that began first. With
/// `Accept: text/event-stream` first those that have not ended, then each again whenever something of it
/// changes, with the place of that in the log as `id`; after `Last-Event-ID` all that has changed since.
#[utoipa::path(
    tag = "agents",
    params(SubagentsQuery, ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (
            status = 200,
            description = "A page; or server-sent events",
            content((SubagentPage = "application/json"), (Subagent = "text/event-stream")),
        ),
        (status = 404, description = "`session_not_found`", body = Problem),
    )
)]
#[get("/api/agents/subagents")]
pub(crate) async fn list_subagents(
    request: HttpRequest,
    read: Read<SubagentsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (caller, query) = (&read.caller, read.query);
    let limit = limit(query.limit)?;
    let session = match &query.session {
        Some(id) => Some(context.session(caller, id).await?.id),
        None => None,
    };
    let filter = SubagentFilter { id: None, reach: caller.reach(), session, state: query.state };
    if wants_stream(&request) {
        let place = context.streams.open(caller)?;
        let changes = context.sessions.subscribe_to_any();
        let board = SubagentBoard {
            record: Arc::clone(&context.subagents),
            sessions: context.sessions.clone(),
            filter,
            after: last_event_id(&request)?,
            followed: HashSet::new(),
        };
        return Ok(board::respond(board, changes, place));
    }
    let found = context.subagents.list_subagents(&filter, (query.cursor, limit + 1)).await;
    let mut found = found.map_err(RunnerError::from)?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| last.began.to_string());
    let subagents = shown(&context.sessions, found).collect();
    Ok(HttpResponse::Ok().json(SubagentPage { subagents, next_cursor }))
}

/// The subagent that is being stopped.
#[derive(Serialize, utoipa::ToSchema)]
struct StopAccepted {
    id: String,
    session_id: SessionId,
}

/// Stops a subagent, or a command that runs beside a conversation; its session goes on. The list says when it
/// has ended.
#[utoipa::path(
    tag = "agents",
    params(("id" = String, Path)),
    responses(
        (status = 202, body = StopAccepted),
        (status = 404, description = "`subagent_not_found`", body = Problem),
        (status = 409, description = "`subagent_not_running`", body = Problem),
    )
)]
#[post("/api/agents/{id}/stop")]
pub(crate) async fn stop_subagent(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let id = id.into_inner();
    let reach = write.caller.reach();
    let filter = SubagentFilter { reach, id: Some(id.clone()), session: None, state: None };
    let found = context.subagents.list_subagents(&filter, (None, 1)).await.map_err(RunnerError::from)?;
    let session_id = found.first().ok_or_else(subagent_not_found)?.subagent.session_id;
    if write.first.is_none() {
        let stopped = (id.clone(), write.caller.name);
        context.sessions.stop_work(session_id, stopped, write.provenance).await?;
    }
    Ok(Reply::accepted(StopAccepted { id, session_id }))
}

/// Those that have not ended, of all sessions within reach.
pub(super) async fn going_on(context: &Context, reach: Reach) -> Result<Vec<Subagent>, ApiError> {
    let mut going_on = vec![];
    for state in [SubagentState::Running, SubagentState::Parked] {
        let filter = SubagentFilter { reach: reach.clone(), id: None, session: None, state: Some(state) };
        let found = context.subagents.list_subagents(&filter, (None, MAX_SHOWN)).await;
        going_on.extend(shown(&context.sessions, found.map_err(RunnerError::from)?));
    }
    Ok(going_on)
}

fn shown(sessions: &Sessions, found: Vec<ListedSubagent>) -> impl Iterator<Item = Subagent> {
    let now = sessions.now();
    found.into_iter().map(move |listed| listed.subagent.measured(now))
}

/// What becomes of subagents.
struct SubagentBoard {
    record: Arc<dyn SubagentRecord>,
    sessions: Sessions,
    filter: SubagentFilter,
    /// The last change that was shown, by its place in the log; absent where nothing was shown.
    after: Option<u64>,
    /// Those that were shown and have not ended, by their beginnings: how they go on is shown as well, in
    /// whatever state.
    followed: HashSet<u64>,
}

impl SubagentBoard {
    async fn show_new(&mut self, outbox: &mut Outbox) -> Result<(), ReadError> {
        let mut after = match self.after {
            Some(after) => after,
            None => self.show_all(outbox).await?,
        };
        loop {
            let changed = self.record.list_changed_subagents(&self.filter.reach, after, PAGE).await?;
            let is_last = changed.len() < PAGE as usize;
            for listed in changed {
                after = listed.changed;
                if self.shows(&listed) {
                    outbox.stored(after, &listed.subagent.measured(self.sessions.now()));
                }
            }
            self.after = Some(after);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Everything that goes on; the place of the last change before.
    async fn show_all(&mut self, outbox: &mut Outbox) -> Result<u64, ReadError> {
        let last = self.record.last_change_of_subagents(&self.filter.reach).await?;
        let filter = SubagentFilter { state: None, ..self.filter.clone() };
        for state in [SubagentState::Running, SubagentState::Parked] {
            let filter = SubagentFilter { state: Some(state), ..filter.clone() };
            let mut found = self.record.list_subagents(&filter, (None, MAX_SHOWN)).await?;
            found.reverse();
            found.retain(|listed| self.shows(listed));
            shown(&self.sessions, found).for_each(|subagent| outbox.live(&subagent));
        }
        Ok(last)
    }

    fn shows(&mut self, ListedSubagent { began, subagent, .. }: &ListedSubagent) -> bool {
        let is_of = |session: SessionId| session == subagent.session_id;
        let is_followed = self.followed.remove(began);
        let is_wanted = self.filter.session.is_none_or(is_of)
            && self.filter.state.is_none_or(|state| state.covers(subagent));
        let is_shown = is_wanted || is_followed;
        if is_shown && subagent.ended_at.is_none() {
            self.followed.insert(*began);
        }
        is_shown
    }
}

impl Board for SubagentBoard {
    async fn look(&mut self, outbox: &mut Outbox) -> bool {
        match self.show_new(outbox).await {
            Ok(()) => true,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a stream of subagents ends: they cannot be read");
                false
            }
        }
    }
}
