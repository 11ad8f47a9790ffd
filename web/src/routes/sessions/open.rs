//! Opening a session without a prompt.

use actix_web::{post, web};
use runner_core::ids::SessionId;
use runner_core::people::principal::Principal;
use runner_core::session::event::{Origin, SessionOpened};
use runner_core::session::view::SessionView;
use uuid::Uuid;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::options::{OpenSessionBody, Opening};
use crate::request::reply::Reply;
use crate::request::write::Write;

/// Opens a session without a prompt; its agent begins to start.
#[utoipa::path(
    tag = "sessions",
    request_body = OpenSessionBody,
    responses((status = 201, body = SessionView), (status = "4XX", body = Problem))
)]
#[post("/api/sessions")]
pub(crate) async fn open_session(
    write: Write<OpenSessionBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let sessions = &context.sessions;
    let offered = context.working_folders.of(&write.caller).await?;
    let opening = Opening::read(write.body, &write.caller, (&context, &offered))?;
    let appended = match write.first {
        Some(appended) => appended,
        None => {
            let opened = opened(opening, &write.caller, &context).await?;
            sessions.open(opened, write.provenance).await?
        }
    };
    let view = sessions.view_at(appended.session(), 1).await?;
    let location = format!("/api/sessions/{}", appended.session());
    Ok(Reply::created_at(location, &*view).replayed(appended.replayed))
}

/// The event that opens a session, under a new id.
pub(crate) async fn opened(
    opening: Opening,
    caller: &Principal,
    context: &Context,
) -> Result<SessionOpened, ApiError> {
    context.working_folders.check(caller, &opening.working_dir).await?;
    Ok(SessionOpened {
        session: SessionId(Uuid::now_v7()),
        tenant: caller.tenant.clone(),
        owner: caller.name.clone(),
        working_dir: opening.working_dir,
        permission_mode: opening.permission_mode,
        origin: Origin::Api,
        offline: context.is_offline_for(caller).await?,
        title: opening.title,
        parent: None,
        schedule: None,
        options: opening.options,
    })
}
