//! Conditions: what is looked at, and how it is compared.
//!
//! A field that a call does not have fits no value: `equals`, `in`, `contains`, `matches` and `glob` do not
//! hold then, and `not_equals` and `not_in` do.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes of a text that is compared with, and of a field's name.
const MAX_TEXT_BYTES: usize = 1000;

/// The most values of a list.
const MAX_VALUES: usize = 100;

/// The most bytes that a compiled expression takes, and its lazily built automaton.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// The deepest nesting of an expression.
const MAX_NESTING: u32 = 50;

/// The inputs of tools that name a file.
const FILE_FIELDS: &[&str] = &["file_path", "notebook_path"];

/// The tools of which `path` is a folder or a file as well.
const SEARCHING_TOOLS: &[&str] = &["Glob", "Grep", "LS"];

/// A comparison of one field with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// `tool_name`, `tool_input`, `tool_input.<path>`, `working_dir`, `user`, `model` or `permission_mode`.
    #[schema(min_length = 1, max_length = 1000)]
    pub field: String,
    pub operator: Operator,
    /// A text, a number, true or false; for `in` and `not_in` an array of them; for `matches` a regular
    /// expression, and for `glob` a pattern.
    pub value: Value,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    Equals,
    NotEquals,
    In,
    NotIn,
    /// A text contains another one; a list contains a value.
    Contains,
    /// A regular expression fits somewhere in the text.
    Matches,
    /// A pattern with `*`, `?`, `[…]`, `{…}` fits the whole text; in paths only `**` goes over a `/`.
    Glob,
}

/// The part of a call that a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    ToolName,
    /// The way into the input, by the names of fields and the places in lists.
    ToolInput(Vec<String>),
    WorkingDir,
    User,
    Model,
    PermissionMode,
}

/// A call of a tool, with what is known of its session.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub tool_name: &'a str,
    pub input: &'a Value,
    pub working_dir: &'a str,
    /// The owner of the session.
    pub user: &'a str,
    pub model: Option<&'a str>,
    pub permission_mode: &'a str,
}

/// A condition that is ready to be evaluated.
#[derive(Clone, Debug)]
pub(super) struct Test {
    field: Field,
    comparison: Comparison,
}

#[derive(Clone, Debug)]
enum Comparison {
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Contains(Value),
    Matches(Regex),
    Glob { within_names: GlobMatcher, anywhere: GlobMatcher },
}

/// Why a condition cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// `field` or `value`.
    pub(super) at: &'static str,
    pub(super) detail: String,
}

impl Field {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "tool_name" => Self::ToolName,
            "tool_input" => Self::ToolInput(vec![]),
            "working_dir" => Self::WorkingDir,
            "user" => Self::User,
            "model" => Self::Model,
            "permission_mode" => Self::PermissionMode,
            text => {
                let way: Vec<String> =
                    text.strip_prefix("tool_input.")?.split('.').map(str::to_owned).collect();
                let is_way = text.len() <= MAX_TEXT_BYTES && way.iter().all(|part| !part.is_empty());
                is_way.then_some(Self::ToolInput(way))?
            }
        })
    }

    /// What a call has there.
    fn of<'a>(&self, call: &Call<'a>) -> Option<Cow<'a, Value>> {
        let text = |text: &str| Some(Cow::Owned(Value::from(text)));
        match self {
            Self::ToolName => text(call.tool_name),
            Self::ToolInput(way) => {
                let found = way.iter().try_fold(call.input, |value, part| match value {
                    Value::Object(fields) => fields.get(part),
                    Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
                })?;
                match found.as_str().filter(|_| self.is_path(call)) {
                    Some(path) => text(&normal(call.working_dir, path)),
                    None => Some(Cow::Borrowed(found)),
                }
            }
            Self::WorkingDir => text(call.working_dir),
            Self::User => text(call.user),
            Self::Model => call.model.and_then(text),
            Self::PermissionMode => text(call.permission_mode),
        }
    }

    /// Whether it is the name of a file or a folder.
    fn is_path(&self, call: &Call<'_>) -> bool {
        match self {
            Self::WorkingDir => true,
            Self::ToolInput(way) => match &way[..] {
                [name] if name == "path" => SEARCHING_TOOLS.contains(&call.tool_name),
                [name] => FILE_FIELDS.contains(&name.as_str()),
                _ => false,
            },
            Self::ToolName | Self::User | Self::Model | Self::PermissionMode => false,
        }
    }
}

/// A path as it is without `.`, `..` and a beginning elsewhere. Links are not followed.
fn normal(working_dir: &str, path: &str) -> String {
    let mut normal = PathBuf::new();
    for part in Path::new(working_dir).join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => normal.push(part),
        }
    }
    normal.to_string_lossy().into_owned()
}

impl Test {
    pub(super) fn compile(condition: &Condition) -> Result<Self, Fault> {
        let field = Field::parse(&condition.field).ok_or_else(|| Fault {
            at: "field",
            detail:
                "must be `tool_name`, `tool_input`, `tool_input.<path>`, `working_dir`, `user`, `model` or \
                     `permission_mode`"
                    .to_owned(),
        })?;
        let value = &condition.value;
        let comparison = match condition.operator {
            Operator::Equals => Comparison::In(vec![scalar(value)?]),
            Operator::NotEquals => Comparison::NotIn(vec![scalar(value)?]),
            Operator::In => Comparison::In(scalars(value)?),
            Operator::NotIn => Comparison::NotIn(scalars(value)?),
            Operator::Contains => Comparison::Contains(scalar(value)?),
            Operator::Matches => Comparison::Matches(expression(pattern(value)?)?),
            Operator::Glob => {
                let pattern = pattern(value)?;
                Comparison::Glob { within_names: glob(pattern, true)?, anywhere: glob(pattern, false)? }
            }
        };
        Ok(Self { field, comparison })
    }

    pub(super) fn holds(&self, call: &Call<'_>) -> bool {
        let Some(fact) = self.field.of(call) else {
            return matches!(self.comparison, Comparison::NotIn(_));
        };
        match &self.comparison {
            Comparison::In(values) => values.iter().any(|value| is_same(&fact, value)),
            Comparison::NotIn(values) => !values.iter().any(|value| is_same(&fact, value)),
            Comparison::Contains(value) => contains(&fact, value),
            Comparison::Matches(expression) => expression.is_match(&text_of(&fact)),
            Comparison::Glob { within_names, anywhere } => {
                let matcher = if self.field.is_path(call) { within_names } else { anywhere };
                matcher.is_match(&*text_of(&fact))
            }
        }
    }
}

fn fault(detail: impl Into<String>) -> Fault {
    Fault { at: "value", detail: detail.into() }
}

fn scalar(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::String(text) if text.len() > MAX_TEXT_BYTES => {
            Err(fault(format!("must have at most {MAX_TEXT_BYTES} bytes")))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(fault("must be a text, a number, true or false"))
        }
    }
}

fn scalars(value: &Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::Array(values) if (1..=MAX_VALUES).contains(&values.len()) => {
            values.iter().map(scalar).collect()
        }
        Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_) => Err(fault(format!("must be an array of 1 to {MAX_VALUES} values"))),
    }
}

fn pattern(value: &Value) -> Result<&str, Fault> {
    let pattern = value.as_str().filter(|pattern| (1..=MAX_TEXT_BYTES).contains(&pattern.len()));
    pattern.ok_or_else(|| fault(format!("must be a text of 1 to {MAX_TEXT_BYTES} bytes")))
}

fn expression(pattern: &str) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_NESTING)
        .build();
    built.map_err(|error| fault(format!("is no regular expression: {error}")))
}

fn glob(pattern: &str, stops_at_slash: bool) -> Result<GlobMatcher, Fault> {
    let built = GlobBuilder::new(pattern).literal_separator(stops_at_slash).backslash_escape(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| fault(format!("is no pattern: {error}")))
}

/// Whether a fact is a value; `5` and `"5"` are the same, for tools take them alike.
fn is_same(fact: &Value, value: &Value) -> bool {
    let is_scalar = !matches!(fact, Value::Null | Value::Array(_) | Value::Object(_));
    fact == value || is_scalar && text_of(fact) == text_of(value)
}

fn contains(fact: &Value, value: &Value) -> bool {
    match fact {
        Value::Array(items) => items.iter().any(|item| is_same(item, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            text_of(fact).contains(&*text_of(value))
        }
    }
}

/// The text of a value: of a text itself, of everything else its JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}
