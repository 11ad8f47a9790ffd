//! The route table.

mod agents;
mod api_keys;
mod audit;
mod auth;
mod document;
mod extensions;
mod hooks;
mod mcp_servers;
mod plugins;
mod requests;
mod schedules;
mod sessions;
mod skills;
mod statistics;
mod status;
mod stream;
mod tasks;
mod tenants;
mod tokens;
mod trusted_folders;
mod users;

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_actix_web::{AppExt, OpenApiFactory, service_config};

use crate::http::error::{FieldError, Problem};

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
        crate::request::schedule::ScheduleBody,
        crate::request::schedule::SchedulePatch,
        crate::request::options::OpenSessionBody
    ))
)]
struct Document;

/// An app to which routes are added: one that answers them, or one that describes them as well, which takes
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
        .service(sessions::list::list_sessions)
        .service(sessions::open::open_session)
        .service(sessions::view::find_session)
        .service(sessions::turns::find_turn)
        .service(sessions::prompts::submit_prompt)
        .service(sessions::interrupt::interrupt_session)
        .service(sessions::fork::fork_session)
        .service(sessions::settings::change_session)
        .service(sessions::handover::hand_over_session)
        .service(sessions::prompts::withdraw_prompt)
        .service(sessions::rewind::rewind_session)
        .service(requests::list_all_requests)
        .service(sessions::requests::list_session_requests)
        .service(sessions::requests::decide_request)
        .service(sessions::events::list_events)
        .service(sessions::replay::replay_session)
        .service(stream::follow_topics)
        .service(sessions::export::export_session)
        .service(sessions::messages::list_messages)
        .service(sessions::changes::list_changes)
        .service(sessions::files::read_file)
        .service(sessions::verify::verify_session)
        .service(trusted_folders::list_trusted_folders)
        .service(trusted_folders::trust_folder)
        .service(trusted_folders::revoke_trust)
        .service(auth::entry::register)
        .service(auth::entry::log_in)
        .service(auth::entry::refresh_login)
        .service(auth::entry::log_out)
        .service(auth::password_reset::reset_password)
        .service(auth::me::show_self)
        .service(auth::me::change_password)
        .service(auth::logins::list_logins)
        .service(auth::logins::revoke_other_logins)
        .service(auth::logins::revoke_login)
        .service(tokens::list_tokens)
        .service(tokens::create_token)
        .service(tokens::revoke_token)
        .service(users::people::list_users)
        .service(users::invites::invite_user)
        .service(users::invites::list_invites)
        .service(users::invites::revoke_invite)
        .service(users::people::change_user)
        .service(users::people::remove_user)
        .service(users::password_resets::issue_password_reset)
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
        .service(statistics::show_statistics)
        .service(audit::list_audit_events)
        .service(status::health)
        .service(status::ready);
    configure_setup(routes);
}

/// What people set up for later turns.
fn configure_setup(routes: &mut impl Routes) {
    routes
        .service(mcp_servers::list_mcp_servers)
        .service(mcp_servers::add_mcp_server)
        .service(mcp_servers::find_mcp_server)
        .service(mcp_servers::change_mcp_server)
        .service(mcp_servers::remove_mcp_server)
        .service(mcp_servers::test_mcp_server)
        .service(mcp_servers::list_mcp_server_history)
        .service(mcp_servers::restore_mcp_server)
        .service(skills::list_skills)
        .service(skills::add_skill)
        .service(skills::import::import_skill)
        .service(skills::find_skill)
        .service(skills::replace_skill)
        .service(skills::change_skill)
        .service(skills::remove_skill)
        .service(skills::list_skill_history)
        .service(skills::restore_skill)
        .service(agents::list_agents)
        .service(agents::define_agent)
        .service(agents::subagents::list_subagents)
        .service(agents::processes::list_agent_processes)
        .service(agents::subagents::stop_subagent)
        .service(agents::find_agent)
        .service(agents::replace_agent)
        .service(agents::change_agent)
        .service(agents::remove_agent)
        .service(agents::list_agent_history)
        .service(agents::restore_agent)
        .service(plugins::list_plugins)
        .service(plugins::install_plugin)
        .service(plugins::find_plugin)
        .service(plugins::replace_plugin)
        .service(plugins::change_plugin)
        .service(plugins::remove_plugin)
        .service(plugins::list_plugin_history)
        .service(plugins::restore_plugin)
        .service(hooks::list_hooks)
        .service(hooks::add_hook)
        .service(hooks::simulate::simulate_hook)
        .service(hooks::find_hook)
        .service(hooks::replace_hook)
        .service(hooks::change_hook)
        .service(hooks::remove_hook)
        .service(hooks::list_hook_history)
        .service(hooks::restore_hook)
        .service(schedules::create_schedule)
        .service(schedules::list_schedules)
        .service(schedules::find_schedule)
        .service(schedules::change_schedule)
        .service(schedules::remove_schedule)
        .service(schedules::runs::run_schedule)
        .service(schedules::runs::list_schedule_runs)
        .service(schedules::history::list_schedule_history)
        .service(schedules::history::restore_schedule);
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

/// The methods that a path of the API answers, to tell a wrong method from a wrong path. A path that is
/// spelled out in the document is not one with a name in it.
pub(crate) fn methods_of(document: &utoipa::openapi::OpenApi, path: &str) -> Vec<&'static str> {
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, given)| match part.starts_with('{') {
                true => !given.is_empty(),
                false => part == given,
            })
    };
    let spelled_out = document.paths.paths.get(path);
    let named = document.paths.paths.iter().filter(|(template, _)| fits(template)).map(|(_, item)| item);
    let items = spelled_out.map_or_else(|| named.collect(), |item| vec![item]);
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
