//! The checks on what is said about an MCP server.

use std::collections::BTreeMap;

use runner_core::people::principal::Principal;
use runner_core::setup::extension::definition::{Defined, Definition};
use runner_core::setup::extension::mcp_server::{McpServer, McpServerEdit};
use runner_core::setup::extension::secrets::SecretValues;
use serde::{Deserialize, Serialize};

use crate::http::error::Problem;
use crate::request::field::{pointer, present};
use crate::request::public_address::check_url;
use crate::routes::extensions::ScopeName;

const MAX_NAME_BYTES: usize = 64;
const MAX_TEXT_BYTES: usize = 4096;
const MAX_ARGS: usize = 100;
const MAX_VALUES: usize = 50;

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum McpTransport {
    Stdio,
    Http,
    Sse,
}

/// An MCP server: a program that agents start (`command`), or an address (`url`).
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpServerBody {
    /// Letters, digits, `-` and single `_`; its tools are called `mcp__<name>__<tool>`.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) name: String,
    /// `stdio` with a command and `http` with an address, if absent.
    #[serde(rename = "type")]
    transport: Option<McpTransport>,
    /// The program. For admins: it runs in the sandbox of each session, without being asked about.
    #[schema(max_length = 4096)]
    command: Option<String>,
    #[schema(max_items = 100)]
    args: Option<Vec<String>>,
    /// Variables of the program. Their values are sealed and never shown again.
    env: Option<BTreeMap<String, String>>,
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Headers of every request. Their values are sealed and never shown again.
    headers: Option<BTreeMap<String, String>>,
    pub(super) scope: Option<ScopeName>,
    /// The folder of the scope `workspace`.
    pub(super) working_dir: Option<String>,
    /// True if absent.
    pub(super) enabled: Option<bool>,
}

/// Fields to set anew; absent ones stay. Values are set one by one; `null` takes one away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpServerPatch {
    #[schema(max_length = 4096)]
    command: Option<String>,
    #[schema(max_items = 100)]
    args: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    env: Option<BTreeMap<String, Option<String>>>,
    #[schema(max_length = 2048)]
    url: Option<String>,
    #[serde(default, deserialize_with = "present")]
    headers: Option<BTreeMap<String, Option<String>>>,
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

impl McpServerBody {
    /// The server that it defines.
    pub(super) fn defined(&self, caller: &Principal) -> Result<Defined, Problem> {
        let of_address = self.url.is_some().then_some(McpTransport::Http);
        let transport = self.transport.or(of_address).unwrap_or(McpTransport::Stdio);
        let (server, secrets) = match transport {
            McpTransport::Stdio => {
                let others = [("/url", self.url.is_some()), ("/headers", self.headers.is_some())];
                refuse(&others, "stdio")?;
                let missing = || required("/command", "the program that agents start");
                let command = command(self.command.as_deref().ok_or_else(missing)?)?;
                let args = args(self.args.clone().unwrap_or_default())?;
                let env = variables(self.env.clone().unwrap_or_default())?;
                (McpServer::Stdio { command, args, env: env.names() }, env)
            }
            McpTransport::Http | McpTransport::Sse => {
                let others = [
                    ("/command", self.command.is_some()),
                    ("/args", self.args.is_some()),
                    ("/env", self.env.is_some()),
                ];
                refuse(&others, "http and sse")?;
                let missing = || required("/url", "the address of the server");
                let url = self.url.clone().ok_or_else(missing)?;
                check_url(&url, "/url", caller)?;
                let values = headers(self.headers.clone().unwrap_or_default())?;
                let names = values.names();
                match transport {
                    McpTransport::Sse => (McpServer::Sse { url, headers: names }, values),
                    McpTransport::Http | McpTransport::Stdio => {
                        (McpServer::Http { url, headers: names }, values)
                    }
                }
            }
        };
        Ok(Defined { definition: Definition::McpServer(server), secrets })
    }
}

impl McpServerPatch {
    /// What it makes of a server; absent where it leaves it as it is.
    pub(super) fn edit(self, caller: &Principal) -> Result<Option<McpServerEdit>, Problem> {
        if let Some(url) = &self.url {
            check_url(url, "/url", caller)?;
        }
        let (env, header_values) = (self.env.unwrap_or_default(), self.headers.unwrap_or_default());
        variables(set(&env))?;
        headers(set(&header_values))?;
        let edit = McpServerEdit {
            command: self.command.as_deref().map(command).transpose()?,
            args: self.args.map(args).transpose()?,
            url: self.url,
            env,
            headers: header_values,
        };
        Ok((edit != McpServerEdit::default()).then_some(edit))
    }
}

/// The values that an edit sets.
fn set(edits: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    edits.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect()
}

/// A name of which the names of its tools are made: two underscores would end it there.
pub(super) fn name(text: &str) -> Result<String, Problem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let has_edge = text.starts_with('_') || text.ends_with('_');
    if (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.contains("__")
        && !has_edge
    {
        return Ok(text.to_owned());
    }
    let detail = format!(
        "must have 1 to {MAX_NAME_BYTES} letters, digits, `-` and `_`; no `_` at an end or beside another one"
    );
    Err(Problem::field("field_invalid", "/name", detail))
}

fn command(text: &str) -> Result<String, Problem> {
    if (1..=MAX_TEXT_BYTES).contains(&text.trim().len()) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must be the name or the path of a program, of at most {MAX_TEXT_BYTES} bytes");
    Err(Problem::field("field_invalid", "/command", detail))
}

fn args(args: Vec<String>) -> Result<Vec<String>, Problem> {
    let detail = format!("must be at most {MAX_ARGS} texts of at most {MAX_TEXT_BYTES} bytes each");
    let bad = args.iter().position(|arg| arg.len() > MAX_TEXT_BYTES || arg.contains('\0'));
    match bad.or((args.len() > MAX_ARGS).then_some(MAX_ARGS)) {
        None => Ok(args),
        Some(index) => Err(Problem::field("field_invalid", &format!("/args/{index}"), detail)),
    }
}

/// Variables of a program. Those that decide which code a program loads, or whose account it uses, are
/// nothing that a server of tools needs to be told by these means.
fn variables(values: BTreeMap<String, String>) -> Result<SecretValues, Problem> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|char: char| char.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    check_values("/env", &values, is_name, "names of variables have letters, digits and `_`")?;
    Ok(SecretValues(values))
}

fn headers(values: BTreeMap<String, String>) -> Result<SecretValues, Problem> {
    let is_name = |name: &str| actix_web::http::header::HeaderName::try_from(name).is_ok();
    check_values("/headers", &values, is_name, "is no name of a header")?;
    for (name, value) in &values {
        if actix_web::http::header::HeaderValue::try_from(value.as_str()).is_err() {
            let detail = "must be visible characters";
            return Err(Problem::field("field_invalid", &pointer("/headers", name), detail));
        }
    }
    Ok(SecretValues(values))
}

fn check_values(
    field: &str,
    values: &BTreeMap<String, String>,
    is_name: impl Fn(&str) -> bool,
    rule: &str,
) -> Result<(), Problem> {
    if values.len() > MAX_VALUES {
        return Err(Problem::field(
            "field_invalid",
            field,
            format!("must have at most {MAX_VALUES} entries"),
        ));
    }
    for (name, value) in values {
        let pointer = pointer(field, name);
        if !is_name(name) {
            return Err(Problem::field("field_invalid", &pointer, rule));
        }
        if value.len() > MAX_TEXT_BYTES || value.contains('\0') {
            let detail = format!("must have at most {MAX_TEXT_BYTES} bytes");
            return Err(Problem::field("field_invalid", &pointer, detail));
        }
    }
    Ok(())
}

fn required(pointer: &str, what: &str) -> Problem {
    Problem::field("field_invalid", pointer, format!("is required: {what}"))
}

fn refuse(others: &[(&str, bool)], transport: &str) -> Result<(), Problem> {
    match others.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((pointer, _)) => {
            let detail = format!("servers of type {transport} have no such field");
            Err(Problem::field("field_invalid", pointer, detail))
        }
    }
}
