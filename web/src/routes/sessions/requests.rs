//! Requests of the agent in one session: seeing and deciding them.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, post, web};
use runner_core::ids::SessionId;
use runner_core::request::{Answer, DecidedBy, Decision};
use runner_core::session::view::RequestView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::limit;
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const MAX_MESSAGE_CHARS: usize = 10_000;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionRequestsQuery {
    /// `pending` (the default), or `all` for those that are closed as well.
    #[param(inline)]
    status: Option<Which>,
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    Pending,
    All,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SessionRequests {
    requests: Vec<RequestView>,
    next_cursor: Option<String>,
}

/// Requests that wait for a person in one session, in the order in which they came.
#[utoipa::path(
    tag = "requests",
    params(("id" = SessionId, Path), SessionRequestsQuery),
    responses((status = 200, body = SessionRequests), (status = 404, body = Problem))
)]
#[get("/api/sessions/{id}/requests")]
pub(crate) async fn list_session_requests(
    id: web::Path<String>,
    read: Read<SessionRequestsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let (after, limit) = (asked.cursor.unwrap_or(0), limit(asked.limit)? as usize);
    let session = context.session(&read.caller, &id).await?.id;
    let view = context.sessions.view(session).await?;
    let mut requests = match asked.status {
        None | Some(Which::Pending) => vec![],
        Some(Which::All) => view.closed_requests().to_vec(),
    };
    requests.extend(view.pending.iter().cloned());
    requests.retain(|request| request.version > after);
    requests.sort_by_key(|request| request.version);
    let more = requests.len() > limit;
    requests.truncate(limit);
    let next_cursor = requests.last().filter(|_| more).map(|last| last.version.to_string());
    Ok(HttpResponse::Ok().json(SessionRequests { requests, next_cursor }))
}

/// An answer to a request.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    decision: Decision,
    /// A message to the agent; at most 10,000 characters.
    #[schema(max_length = 10000)]
    message: Option<String>,
    /// With `allow`: the tool is used with this instead. For a plan: `{"plan": …}`.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    updated_input: Option<Value>,
    /// For questions: by the question's text, a text or, where several may be chosen, several.
    #[schema(schema_with = answers)]
    answers: Option<BTreeMap<String, Value>>,
    /// The same decision holds for the same call again.
    remember: Option<Remember>,
    /// With `deny`: the turn ends as well.
    interrupt: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Remember {
    Session,
}

/// Decides a request; the first answer wins. It takes effect whenever it comes.
#[utoipa::path(
    tag = "requests",
    params(("id" = SessionId, Path), ("request_id" = String, Path)),
    request_body = DecisionBody,
    responses(
        (status = 200, description = "The request with its decision", body = RequestView),
        (status = 400, description = "The answer does not fit what was asked; or the session's folder is gone, and what waits stays as it is: `working_dir_missing`", body = Problem),
        (status = 403, description = "What waits stays as it is, for nobody may work in the session's folder any more: `working_dir_not_allowed`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`request_already_decided`, with the first decision; `request_withdrawn`; or what waits stays as it is: `owner_disabled`, `owner_not_permitted`, `session_archived`", body = Problem),
    )
)]
#[post("/api/sessions/{id}/requests/{request_id}")]
pub(crate) async fn decide_request(
    path: web::Path<(String, String)>,
    write: Write<DecisionBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (id, request_id) = path.into_inner();
    let answer = read_answer(write.body)?;
    let head = context.session(&write.caller, &id).await?;
    // What is decided goes to an agent in this folder; where none can start, the decision would be lost.
    context.working_folders.check(&write.caller, &head.working_dir).await?;
    let by = DecidedBy::user(&write.caller.name);
    let settled = context.sessions.settle(head.id, &request_id, (answer, by), write.provenance).await?;
    Ok(Reply::ok(&settled.request).replayed(settled.replayed))
}

/// A text for each question, or several.
fn answers() -> Object {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let several = ArrayBuilder::new().items(text());
    let one_or_several = OneOfBuilder::new().item(text()).item(several).build();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(Schema::OneOf(one_or_several)))
        .description(Some(
            "For questions: by the question's text, a text or, where several may be chosen, several.",
        ))
        .build()
}

fn read_answer(body: DecisionBody) -> Result<Answer, Problem> {
    if body.message.as_ref().is_some_and(|message| message.chars().count() > MAX_MESSAGE_CHARS) {
        let detail = format!("must have at most {MAX_MESSAGE_CHARS} characters");
        return Err(Problem::field("field_invalid", "/message", detail));
    }
    Ok(Answer {
        decision: body.decision,
        message: body.message,
        updated_input: body.updated_input,
        answers: body.answers,
        remember: body.remember.is_some(),
        interrupt: body.interrupt.unwrap_or_default(),
    })
}
