//! What the agent asks people, and what they may answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a person is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Whether a tool may be used.
    Permission,
    /// Answers to questions of the agent.
    Question,
    /// Whether a plan may be carried out.
    Plan,
}

/// What a call of a tool may do, as far as rules need to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    /// Looks at files or pages. The agent asks about what lies outside of the folder, and about pages.
    Reads,
    /// Changes nothing but the agent's own notes: its plan, its list of things to do, what it asks people.
    Notes,
    /// The agent asks, unless the mode accepts edits and the file is in the folder.
    WritesFiles,
    /// The agent asks, unless the command is harmless.
    RunsCommands,
    /// What a subagent does has effects of its own.
    StartsAgents,
    /// Takes up instructions. The agent asks about some.
    LoadsSkills,
    /// Never, in no mode: the server has what it is for, or nobody may have it.
    Withheld,
    /// Nobody knows.
    #[default]
    Other,
}

impl ToolEffect {
    /// Whether files may be others afterwards without the tool having told.
    pub const fn may_change_files_untold(self) -> bool {
        match self {
            Self::RunsCommands | Self::Other => true,
            Self::Reads
            | Self::Notes
            | Self::WritesFiles
            | Self::StartsAgents
            | Self::LoadsSkills
            | Self::Withheld => false,
        }
    }
}

/// The agent asks a person something before it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgentRequest {
    pub request_id: String,
    pub tool_name: String,
    pub tool_use_id: String,
    pub input: Value,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub suggestions: Vec<Value>,
    /// The subagent that asks, if it is not the main agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
    #[serde(default)]
    pub effect: ToolEffect,
    /// What the call is about: a command, a path, a host. A remembered decision holds for the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The agent is about to use a tool and waits to be let through.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolGate {
    pub gate_id: String,
    pub tool_use_id: String,
    pub tool_name: String,
    pub effect: ToolEffect,
    /// As in [`AgentRequest::target`].
    pub target: Option<String>,
    /// What it is to be used with.
    pub input: Arc<Value>,
}

/// A person's answer to a request, before it was checked against what was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub decision: Decision,
    pub message: Option<String>,
    /// The tool is used with this instead.
    pub updated_input: Option<Value>,
    /// By the text of the question.
    pub answers: Option<BTreeMap<String, Value>>,
    /// The same holds for the same call again, as long as the session lasts.
    pub remember: bool,
    /// With a denial: the turn ends as well.
    pub interrupt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Allow,
    Deny,
}

/// Who or what settled a request, or let a tool be used without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DecidedBy {
    pub kind: DeciderKind,
    /// A user's id, or that of the request whose decision is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeciderKind {
    User,
    /// The session's permission mode.
    Mode,
    Rule,
    /// A decision that a person made before, to be kept for the session.
    Remembered,
    Policy,
    /// The agent's program by its own rules, in the mode that is named: it asked nobody.
    Agent,
    System,
}

impl DecidedBy {
    pub fn user(name: &str) -> Self {
        Self { kind: DeciderKind::User, id: Some(name.to_owned()), name: Some(name.to_owned()) }
    }

    pub fn mode(name: &str) -> Self {
        Self { kind: DeciderKind::Mode, id: None, name: Some(name.to_owned()) }
    }

    /// The agent's program, in a permission mode.
    pub fn agent(mode: &str) -> Self {
        Self { kind: DeciderKind::Agent, id: None, name: Some(mode.to_owned()) }
    }
}

/// How a request was settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Settlement {
    pub request_id: String,
    pub decision: Decision,
    pub decided_by: DecidedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the tool is used with, where that is not what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<BTreeMap<String, Value>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remember: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupt: bool,
}

/// What is wrong with an answer, and where: a JSON Pointer into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub pointer: String,
    pub detail: String,
}

fn mismatch(pointer: &str, detail: impl Into<String>) -> Mismatch {
    Mismatch { pointer: pointer.to_owned(), detail: detail.into() }
}

impl Answer {
    /// The settlement it leads to, if it answers what was asked.
    pub fn settle(
        self,
        kind: RequestKind,
        request: &AgentRequest,
        decided_by: DecidedBy,
    ) -> Result<Settlement, Mismatch> {
        let denies = self.decision == Decision::Deny;
        if self.interrupt && !denies {
            return Err(mismatch("/interrupt", "goes with a denial only"));
        }
        if self.updated_input.is_some() && denies {
            return Err(mismatch("/updated_input", "goes with an allowance only"));
        }
        if self.remember && kind != RequestKind::Permission {
            return Err(mismatch("/remember", "only decisions about tool calls are remembered"));
        }
        if self.remember && self.updated_input.is_some() {
            // What was put aside would be let through the next time.
            return Err(mismatch("/remember", "a changed input is meant for this call alone"));
        }
        match (kind, &self.updated_input, &self.answers) {
            (RequestKind::Question, Some(_), _) => {
                return Err(mismatch("/updated_input", "a question is answered with answers"));
            }
            (RequestKind::Question, None, Some(_)) if denies => {
                return Err(mismatch("/answers", "goes with an allowance only"));
            }
            (RequestKind::Question, None, Some(answers)) => check_answers(request, answers)?,
            (RequestKind::Question, None, None) if !denies => {
                return Err(mismatch("/answers", "is required: the agent asked questions"));
            }
            (RequestKind::Permission | RequestKind::Plan, _, Some(_)) => {
                return Err(mismatch("/answers", "no question was asked"));
            }
            (RequestKind::Permission, Some(input), None) => check_input(request, input)?,
            (RequestKind::Plan, Some(input), None) if !is_plan(input) => {
                return Err(mismatch(
                    "/updated_input",
                    "must be an object with the text `plan` and nothing else",
                ));
            }
            (RequestKind::Question | RequestKind::Permission | RequestKind::Plan, _, None) => {}
        }
        Ok(Settlement {
            request_id: request.request_id.clone(),
            decision: self.decision,
            decided_by,
            message: self.message,
            updated_input: self.updated_input,
            answers: self.answers,
            remember: self.remember,
            interrupt: self.interrupt,
        })
    }
}

/// The fields without which a tool does nothing, of the tools that people change most. The agent would refuse
/// the call after it was decided, when nobody can decide it again.
const NEEDED: &[(&str, &[&str])] = &[
    ("Bash", &["command"]),
    ("Edit", &["file_path", "old_string", "new_string"]),
    ("Write", &["file_path", "content"]),
];

/// What the agent asked with fits its tool: a field of it may be left out, but what is there is of the same
/// type.
fn check_input(request: &AgentRequest, input: &Value) -> Result<(), Mismatch> {
    // The agent takes an empty one for none at all.
    let Some(given) = input.as_object().filter(|fields| !fields.is_empty()) else {
        return Err(mismatch("/updated_input", "must be an object with the fields of the tool"));
    };
    let asked = request.input.as_object().into_iter().flatten();
    let needed =
        NEEDED.iter().find(|(tool, _)| *tool == request.tool_name).map_or(&[][..], |(_, names)| names);
    for (name, asked) in asked {
        let pointer = || format!("/updated_input/{}", name.replace('~', "~0").replace('/', "~1"));
        match given.get(name) {
            Some(given) if type_of(given) != type_of(asked) => {
                return Err(mismatch(&pointer(), format!("must be {}, as asked", type_of(asked))));
            }
            None if needed.contains(&name.as_str()) => {
                return Err(mismatch(&pointer(), "is required"));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_plan(input: &Value) -> bool {
    input.as_object().is_some_and(|fields| fields.len() == 1 && input["plan"].is_string())
}

fn check_answers(request: &AgentRequest, answers: &BTreeMap<String, Value>) -> Result<(), Mismatch> {
    if answers.is_empty() {
        return Err(mismatch("/answers", "must answer at least one question"));
    }
    let asked = request.input["questions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (question, answer) in answers {
        let pointer = format!("/answers/{}", question.replace('~', "~0").replace('/', "~1"));
        let Some(asked) = asked.iter().find(|asked| asked["question"] == question.as_str()) else {
            return Err(mismatch(&pointer, "this question was not asked"));
        };
        match answer {
            Value::String(text) if text.trim().is_empty() => {
                return Err(mismatch(&pointer, "is empty; leave a question out that is not answered"));
            }
            Value::String(_) => {}
            Value::Array(several) if asked["multiSelect"] != true && several.len() != 1 => {
                let detail = format!("takes one answer, not {}", several.len());
                return Err(mismatch(&pointer, detail));
            }
            Value::Array(several) if several.iter().all(Value::is_string) => {}
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                return Err(mismatch(&pointer, "must be a text or an array of texts"));
            }
        }
    }
    Ok(())
}
