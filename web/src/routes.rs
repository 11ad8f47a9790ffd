//! The route table.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod control;
mod document;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod file_changes;
pub(crate) mod fork;
pub(crate) mod own_account;
pub(crate) mod replay;
pub(crate) mod requests;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod tasks;
pub(crate) mod tenants;
pub(crate) mod trust;
pub(crate) mod users;

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use runner_actors::{Accounts, ApiKeys, Sessions, TrustedFolders};
use runner_core::people::principal::Principal;
use runner_core::time::Timestamp;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_actix_web::{AppExt, OpenApiFactory, service_config};

use crate::error::{ApiError, FieldError, Problem};
use crate::limits::streams::Streams;
use crate::stream::recent::RecentFrames;
use crate::workspace::Workspaces;

/// What every route may use.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) sessions: Sessions,
    pub(crate) streams: Streams,
    pub(crate) recent: RecentFrames,
    pub(crate) accounts: Accounts,
    pub(crate) api_keys: ApiKeys,
    pub(crate) workspaces: Workspaces,
    pub(crate) trust: TrustedFolders,
    /// Whether Claude Code accepts `bypassPermissions` from the user this server runs as.
    pub(crate) may_bypass: bool,
    pub(crate) node: String,
    pub(crate) started_at: Timestamp,
}

impl Context {
    /// Whether the offline model answers in sessions that somebody opens now.
    pub(crate) async fn is_offline_for(&self, owner: &Principal) -> Result<bool, ApiError> {
        Ok(self.sessions.agent_status().offline && !self.api_keys.serve(owner).await?)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Claude Code Runner",
        description = "Runs the real Claude Code as event-sourced sessions. Errors are \
            `application/problem+json` with a stable `code`."
    ),
    components(schemas(
        Problem,
        FieldError,
        crate::request::task::TaskBody,
        crate::request::task::PromptBody,
        crate::request::options::OpenSessionBody
    ))
)]
struct Document;

/// Where routes are added: to an app that answers them, or to one that describes them as well, which takes
/// megabytes on the way.
pub(crate) trait Routes {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self;
}

impl Routes for web::ServiceConfig {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        self.service(route)
    }
}

impl Routes for service_config::ServiceConfig<'_> {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        self.service(route)
    }
}

/// All routes of the API, in the order of its document.
pub(crate) fn configure(routes: &mut impl Routes) {
    routes
        .service(tasks::run_task)
        .service(tasks::stream_task)
        .service(sessions::list_sessions)
        .service(sessions::open_session)
        .service(sessions::find_session)
        .service(sessions::submit_prompt)
        .service(sessions::interrupt_session)
        .service(fork::fork_session)
        .service(control::change_session)
        .service(control::withdraw_prompt)
        .service(control::rewind_session)
        .service(requests::list_all_requests)
        .service(requests::list_session_requests)
        .service(requests::decide_request)
        .service(events::list_events)
        .service(replay::replay_session)
        .service(export::export_session)
        .service(sessions::list_messages)
        .service(file_changes::list_changes)
        .service(sessions::verify_session)
        .service(trust::list_trusted_folders)
        .service(trust::trust_folder)
        .service(trust::revoke_trust)
        .service(auth::register)
        .service(auth::log_in)
        .service(auth::refresh_login)
        .service(auth::log_out)
        .service(own_account::show_self)
        .service(own_account::change_password)
        .service(own_account::list_logins)
        .service(own_account::revoke_other_logins)
        .service(own_account::revoke_login)
        .service(own_account::list_tokens)
        .service(own_account::create_token)
        .service(own_account::revoke_token)
        .service(users::list_users)
        .service(users::invite_user)
        .service(users::list_invites)
        .service(users::revoke_invite)
        .service(users::change_user)
        .service(tenants::list_tenants)
        .service(tenants::create_tenant)
        .service(tenants::invite_to_tenant)
        .service(api_keys::store_key)
        .service(api_keys::list_keys)
        .service(api_keys::find_key)
        .service(api_keys::change_key)
        .service(api_keys::rotate_key)
        .service(api_keys::remove_key)
        .service(status::show_status)
        .service(status::list_tools)
        .service(audit::list_audit_events)
        .service(status::health)
        .service(status::ready);
}

/// The API's description before its routes are added. A token may be left out while nobody has registered.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let needed = SecurityRequirement::new::<_, _, &str>("bearer", []);
    document.security = Some(vec![needed, SecurityRequirement::default()]);
    document
}

/// The methods that a path of the API answers, to tell a wrong method from a wrong path.
pub(crate) fn methods_of(document: &utoipa::openapi::OpenApi, path: &str) -> Vec<&'static str> {
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, given)| match part.starts_with('{') {
                true => !given.is_empty(),
                false => part == given,
            })
    };
    let items = document.paths.paths.iter().filter(|(template, _)| fits(template)).map(|(_, item)| item);
    let mut methods = vec![];
    for item in items {
        methods.extend(item.get.is_some().then_some("GET, HEAD"));
        methods.extend(item.post.is_some().then_some("POST"));
        methods.extend(item.put.is_some().then_some("PUT"));
        methods.extend(item.patch.is_some().then_some("PATCH"));
        methods.extend(item.delete.is_some().then_some("DELETE"));
    }
    methods
}

/// The whole OpenAPI document as the server shows it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let app = actix_web::App::new().into_utoipa_app().openapi(document());
    let app = app.configure(|routes| configure(routes));
    let mut document = app.split_for_parts().1;
    document::complete(&mut document);
    document
}
