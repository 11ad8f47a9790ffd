//! The checks on what is said about an agent that somebody defines.

use actix_web::http::StatusCode;
use runner_core::people::confusable_names::is_legible;
use runner_core::setup::extension::agent::{AgentDefinition, AgentDefinitionEdit};
use runner_core::setup::extension::definition::{Defined, Definition};
use runner_core::setup::extension::secrets::SecretValues;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::Problem;
use crate::request::field::present;
use crate::request::options::{model, tools};
use crate::routes::extensions::ScopeName;

const MAX_NAME_CHARS: usize = 64;
const MAX_DESCRIPTION_CHARS: usize = 1024;
const MAX_PROMPT_BYTES: usize = 100 * 1024;

/// Names under which this API keeps something else.
const OF_PATHS: &[&str] = &["subagents", "processes"];

/// An agent: a subagent that the agents of sessions start by its name.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentBody {
    /// Letters, digits, `-`, `_` and `.`, a letter or a digit first; none that Claude Code has itself.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) name: String,
    /// What it is for and when to use it: by this the model chooses it.
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: String,
    /// Its instructions.
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) prompt: String,
    /// Those of the session's agent if absent.
    #[schema(min_items = 1, max_items = 100)]
    pub(super) tools: Option<Vec<String>>,
    /// That of the session's agent if absent.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) model: Option<String>,
    pub(super) scope: Option<ScopeName>,
    /// The folder of the scope `workspace`.
    pub(super) working_dir: Option<String>,
    /// True if absent.
    pub(super) enabled: Option<bool>,
}

/// The whole of an agent, in place of what it was; its scope and whether it is enabled stay where absent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentReplacement {
    /// The one it has: names do not change.
    pub(super) name: Option<String>,
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: String,
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) prompt: String,
    #[schema(min_items = 1, max_items = 100)]
    pub(super) tools: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 128)]
    pub(super) model: Option<String>,
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// Fields to set anew; absent ones stay. `null` takes the tools or the model away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) prompt: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    pub(super) tools: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    pub(super) model: Option<Option<String>>,
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

impl AgentPatch {
    /// What it makes of an agent; absent where it leaves it as it is.
    pub(super) fn edit(&self, context: &Context) -> Result<Option<AgentDefinitionEdit>, Problem> {
        let edit = AgentDefinitionEdit {
            description: self.description.as_deref().map(description).transpose()?,
            prompt: self.prompt.as_deref().map(prompt).transpose()?,
            tools: self.tools.as_ref().map(|names| offered(names.as_deref(), context)).transpose()?,
            model: self.model.as_ref().map(|name| known(name.as_deref())).transpose()?,
        };
        Ok((edit != AgentDefinitionEdit::default()).then_some(edit))
    }
}

/// An agent that is defined by a description, a prompt, and what it works with.
pub(super) fn defined(
    (described, instructed): (&str, &str),
    tools: Option<&[String]>,
    model: Option<&str>,
    context: &Context,
) -> Result<Defined, Problem> {
    let agent = AgentDefinition {
        description: description(described)?,
        prompt: prompt(instructed)?,
        tools: offered(tools, context)?,
        model: known(model)?,
    };
    Ok(Defined { definition: Definition::Agent(agent), secrets: SecretValues::default() })
}

/// A name that the model can say and that means nothing else.
pub(super) fn name(text: &str, context: &Context) -> Result<String, Problem> {
    let is_name = (1..=MAX_NAME_CHARS).contains(&text.chars().count())
        && text.starts_with(char::is_alphanumeric)
        && text.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char))
        && is_legible(text);
    if !is_name {
        let detail = format!(
            "must have 1 to {MAX_NAME_CHARS} letters, digits, `-`, `_` and `.`, and begin with one of the \
             first two"
        );
        return Err(Problem::field("field_invalid", "/name", detail));
    }
    if OF_PATHS.contains(&text) {
        let detail = format!("/api/agents/{text} is something else: choose another name");
        return Err(Problem::field("field_invalid", "/name", detail));
    }
    match built_in(text, context) {
        Some(problem) => Err(problem),
        None => Ok(text.to_owned()),
    }
}

/// The problem with a name that Claude Code has itself, in whatever case.
pub(super) fn built_in(text: &str, context: &Context) -> Option<Problem> {
    let mut built_in = context.sessions.built_in_agents().iter();
    let agent = built_in.find(|agent| agent.name.eq_ignore_ascii_case(text))?;
    let detail = format!("`{}` is an agent of Claude Code itself, which nobody changes here", agent.name);
    Some(Problem::field("agent_built_in", "/name", detail).with_status(StatusCode::CONFLICT))
}

fn description(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if (1..=MAX_DESCRIPTION_CHARS).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must have 1 to {MAX_DESCRIPTION_CHARS} characters that are not all spaces");
    Err(Problem::field("field_invalid", "/description", detail))
}

fn prompt(text: &str) -> Result<String, Problem> {
    if !text.trim().is_empty() && text.len() <= MAX_PROMPT_BYTES && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must have 1 to {MAX_PROMPT_BYTES} bytes that are not all spaces");
    Err(Problem::field("field_invalid", "/prompt", detail))
}

fn offered(names: Option<&[String]>, context: &Context) -> Result<Option<Vec<String>>, Problem> {
    match names {
        Some([]) => {
            let detail = "must name a tool; without this field it has those of the session's agent";
            Err(Problem::field("field_invalid", "/tools", detail))
        }
        names => names.map(|names| tools(names.to_vec(), context)).transpose(),
    }
}

fn known(name: Option<&str>) -> Result<Option<String>, Problem> {
    name.map(|name| model(name.to_owned(), "/model")).transpose()
}
