//! The options with which a session is opened, and the checks on each of them.
//!
//! Some of them end on the agent's command line or in its environment, so each has a positive pattern.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Principal;
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::Object;

use super::body::Fields;
use super::field::{one_of, whole};
use super::output_schema;
use crate::context::Context;
use crate::http::error::Problem;
use crate::working_folders::OfferedFolders;

const MAX_TITLE_CHARS: usize = 200;
const MAX_SYSTEM_PROMPT_CHARS: usize = 20_000;
const MAX_TOOLS: usize = 100;
const MAX_DURATION_MS: u64 = 7 * 24 * 3_600_000;
const MAX_ADD_DIRS: usize = 20;
const MAX_ENV: usize = 50;
const MAX_ENV_VALUE_BYTES: usize = 4096;
const EFFORTS: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// Variables that are the server's own: which programs run and what is loaded into them, where the home and
/// temporary files are, which way the network goes and whom it trusts.
const RESERVED_ENV: &[&str] = &[
    "BASH_ENV",
    "BASHOPTS",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "HOME",
    "IFS",
    "IS_SANDBOX",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LOGNAME",
    "OLDPWD",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PROMPT_COMMAND",
    "PS4",
    "PWD",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USER",
    "ZDOTDIR",
];
/// The agent's own settings (which account, which API), and whole families of the kind above.
const RESERVED_ENV_PREFIXES: &[&str] = &[
    "ANTHROPIC",
    "API_",
    "AWS_",
    "AZURE_",
    "BUN_",
    "CLAUDE",
    "CLOUD_ML_",
    "CLOUDSDK_",
    "DISABLE_",
    "DO_NOT_TRACK",
    "DYLD_",
    "ENABLE_",
    "GIT_",
    "GOOGLE_",
    "LD_",
    "MCP_",
    "NODE_",
    "NPM_",
    "OTEL_",
    "PYTHON",
    "SSH_",
    "VERTEX_",
    "XDG_",
];
const RESERVED_ENV_SUFFIXES: &[&str] = &["_PROXY"];

/// Everything that is fixed when a session is opened.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSessionBody {
    /// A folder below an allowed root; relative ones start at the server's `WORKING_DIR`. In a team with a
    /// folder of its own, one below that, where relative ones start.
    working_dir: Option<String>,
    #[schema(value_type = Option<PermissionMode>)]
    permission_mode: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// The exact set of built-in tools.
    #[schema(max_items = 100)]
    tools: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 128)]
    model: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    fallback_model: Option<String>,
    /// `low`, `medium`, `high`, `xhigh` or `max`.
    #[schema(schema_with = effort_names)]
    effort: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1000)]
    max_turns: Option<u32>,
    /// For each turn.
    #[schema(exclusive_minimum = 0, maximum = 10000)]
    max_budget_usd: Option<f64>,
    /// How long the agent may work on a turn without waiting for a person, in milliseconds.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 604800000)]
    max_duration_ms: Option<u64>,
    #[schema(max_length = 20000)]
    append_system_prompt: Option<String>,
    /// A JSON Schema of draft 07 or 2020-12 that the final answer has to fit; it describes an object.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    output_schema: Option<Value>,
    #[schema(max_items = 20)]
    add_dirs: Option<Vec<String>>,
    /// Variables for the agent and what it runs. Recorded in the log as given: not for secrets. Those that
    /// choose programs, libraries, accounts, proxies or folders are refused.
    env: Option<BTreeMap<String, String>>,
}

/// The names of the fields above, to tell them from a task's own.
const OPTION_FIELDS: &[&str] = &[
    "working_dir",
    "permission_mode",
    "title",
    "tools",
    "model",
    "fallback_model",
    "effort",
    "max_turns",
    "max_budget_usd",
    "max_duration_ms",
    "append_system_prompt",
    "output_schema",
    "add_dirs",
    "env",
];

/// Checked options.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) working_dir: String,
    pub(crate) permission_mode: PermissionMode,
    pub(crate) title: Option<String>,
    pub(crate) options: AgentOptions,
}

/// Takes the options out of a body that has other fields as well.
pub(super) fn take_options(fields: &mut Fields) -> Fields {
    let taken = OPTION_FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), fields.remove(*name)?)));
    taken.collect()
}

impl Opening {
    pub(crate) fn read(
        body: OpenSessionBody,
        caller: &Principal,
        (context, offered): (&Context, &OfferedFolders),
    ) -> Result<Self, Problem> {
        let permission_mode = permission_mode(body.permission_mode.as_deref(), caller, context)?;
        let add_dirs = body.add_dirs.unwrap_or_default();
        at_most("/add_dirs", add_dirs.len(), MAX_ADD_DIRS)?;
        let add_dirs = add_dirs
            .iter()
            .enumerate()
            .map(|(index, folder)| resolve(folder, &format!("/add_dirs/{index}"), offered))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            // The default folder is checked when a session opens there.
            working_dir: match body.working_dir {
                Some(named) => resolve(&named, "/working_dir", offered)?,
                None => offered.default.display().to_string(),
            },
            permission_mode,
            title: body.title.map(title).transpose()?,
            options: AgentOptions {
                model: body.model.map(|name| model(name, "/model")).transpose()?,
                fallback_model: body.fallback_model.map(|name| model(name, "/fallback_model")).transpose()?,
                effort: body.effort.map(effort).transpose()?,
                tools: body.tools.map(|names| tools(names, context)).transpose()?,
                max_turns: body.max_turns.map(max_turns).transpose()?,
                max_budget_micros: body.max_budget_usd.map(max_budget).transpose()?,
                max_duration_ms: body.max_duration_ms.map(max_duration).transpose()?,
                append_system_prompt: body.append_system_prompt.map(system_prompt).transpose()?,
                output_schema: body.output_schema.map(output_schema::read).transpose()?,
                add_dirs,
                env: env(body.env.unwrap_or_default())?,
            },
        })
    }
}

pub(crate) fn resolve(folder: &str, pointer: &str, offered: &OfferedFolders) -> Result<String, Problem> {
    let resolved = offered.resolve(folder).map_err(|error| error.problem(pointer))?;
    let not_text = || Problem::field("working_dir_missing", pointer, "the folder's name is not UTF-8");
    resolved.into_os_string().into_string().map_err(|_| not_text())
}

pub(crate) fn permission_mode(
    name: Option<&str>,
    caller: &Principal,
    context: &Context,
) -> Result<PermissionMode, Problem> {
    let Some(name) = name else { return Ok(PermissionMode::default()) };
    let mode = serde_json::from_value(Value::String(name.to_owned())).map_err(|_| {
        let detail = "must be default, acceptEdits, plan, bypassPermissions or dontAsk";
        Problem::field("permission_mode_unknown", "/permission_mode", detail)
    })?;
    if mode == PermissionMode::BypassPermissions && !context.may_bypass {
        let detail = "Claude Code refuses bypassPermissions as root; install bubblewrap, run the server as \
             another user, or set IS_SANDBOX=1 if the whole machine is a sandbox";
        return Err(Problem::field("bypass_not_allowed", "/permission_mode", detail)
            .with_status(StatusCode::FORBIDDEN));
    }
    context.check_mode(caller, mode)?;
    Ok(mode)
}

pub(crate) fn title(text: String) -> Result<String, Problem> {
    let is_title = !text.trim().is_empty()
        && text.chars().count() <= MAX_TITLE_CHARS
        && !text.chars().any(char::is_control);
    let detail = format!("must have 1 to {MAX_TITLE_CHARS} characters in one line");
    if is_title { Ok(text) } else { Err(Problem::field("title_invalid", "/title", detail)) }
}

pub(crate) fn model(name: String, pointer: &str) -> Result<String, Problem> {
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-[]/@".contains(&byte));
    if begins_well && fits && name.len() <= 128 {
        return Ok(name);
    }
    Err(Problem::field("model_invalid", pointer, "is not the name of a model"))
}

fn effort_names() -> Object {
    one_of(EFFORTS)
}

fn effort(name: String) -> Result<String, Problem> {
    if EFFORTS.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(Problem::field("effort_unknown", "/effort", format!("must be one of {}", EFFORTS.join(", "))))
}

/// The names of tools that agents may have.
pub(crate) fn tools(names: Vec<String>, context: &Context) -> Result<Vec<String>, Problem> {
    at_most("/tools", names.len(), MAX_TOOLS)?;
    let known = context.sessions.tools();
    for (index, name) in names.iter().enumerate() {
        let is_server_tool = name.strip_prefix("mcp__").is_some_and(|rest| {
            rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        });
        if !is_server_tool && !known.iter().any(|tool| tool.name == name) {
            let detail = format!("`{}` is not a tool; GET /api/tools lists them", name.escape_debug());
            return Err(Problem::field("tool_unknown", &format!("/tools/{index}"), detail));
        }
    }
    Ok(names)
}

fn max_turns(turns: u32) -> Result<u32, Problem> {
    match turns {
        1..=1000 => Ok(turns),
        _ => Err(Problem::field("field_invalid", "/max_turns", "must be between 1 and 1000")),
    }
}

fn max_duration(millis: u64) -> Result<u64, Problem> {
    match millis {
        1..=MAX_DURATION_MS => Ok(millis),
        _ => {
            let detail = format!("must be between 1 and {MAX_DURATION_MS}");
            Err(Problem::field("field_invalid", "/max_duration_ms", detail))
        }
    }
}

fn max_budget(usd: f64) -> Result<MicroDollars, Problem> {
    if (1e-6..=10_000.0).contains(&usd) {
        return Ok(MicroDollars::from_usd(usd));
    }
    Err(Problem::field("field_invalid", "/max_budget_usd", "must be above 0 and at most 10000"))
}

fn system_prompt(text: String) -> Result<String, Problem> {
    if text.chars().count() <= MAX_SYSTEM_PROMPT_CHARS && !text.contains('\0') {
        return Ok(text);
    }
    let detail = format!("must have at most {MAX_SYSTEM_PROMPT_CHARS} characters and no NUL");
    Err(Problem::field("field_invalid", "/append_system_prompt", detail))
}

fn env(variables: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    at_most("/env", variables.len(), MAX_ENV)?;
    for (name, value) in &variables {
        let pointer = format!("/env/{name}");
        let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !begins_well || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Problem::field("env_invalid", &pointer, "is not the name of a variable"));
        }
        let upper = name.to_ascii_uppercase();
        let is_reserved = RESERVED_ENV.contains(&upper.as_str())
            || RESERVED_ENV_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
            || RESERVED_ENV_SUFFIXES.iter().any(|suffix| upper.ends_with(suffix));
        if is_reserved {
            return Err(Problem::field(
                "env_not_allowed",
                &pointer,
                "this variable cannot be set by a request",
            ));
        }
        if value.len() > MAX_ENV_VALUE_BYTES || value.contains('\0') {
            let detail = format!("must have at most {MAX_ENV_VALUE_BYTES} bytes and no NUL");
            return Err(Problem::field("env_invalid", &pointer, detail));
        }
    }
    Ok(variables)
}

pub(super) fn at_most(pointer: &str, length: usize, limit: usize) -> Result<(), Problem> {
    if length <= limit {
        return Ok(());
    }
    Err(Problem::field("field_invalid", pointer, format!("must have at most {limit} entries")))
}
