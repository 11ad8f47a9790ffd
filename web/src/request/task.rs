//! The bodies that carry a prompt.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use runner_core::agent::AgentOptions;
use runner_core::ids::{SessionId, TurnId};
use runner_core::people::principal::Principal;
use runner_core::prompt::{Attachment, Prompt, PromptError};
use runner_core::session::command::{SessionChange, WhileRunning};
use runner_core::session::event::SessionOpened;
use runner_core::session::index::SessionHead;
use serde::Deserialize;
use utoipa::openapi::Object;
use uuid::Uuid;

use runner_actors::Submission;

use super::body::{Fields, parse};
use super::field::{one_of, whole};
use super::options::{OpenSessionBody, Opening, at_most, take_options};
use super::picture::{self, MEDIA_TYPES};
use crate::context::Context;
use crate::http::error::{Problem, not_found};
use crate::working_folders::OfferedFolders;

/// Bits behind the last byte are taken as they come: not every program leaves them zero.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
const MAX_ATTACHMENTS: usize = 20;
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// A prompt for a session that exists.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptBody {
    /// Not blank; at most 100,000 characters.
    #[schema(min_length = 1, max_length = 100000)]
    prompt: String,
    #[schema(max_items = 20)]
    attachments: Option<Vec<ImageBody>>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ImageBody {
    /// `image`.
    #[serde(rename = "type")]
    #[schema(schema_with = image_kind)]
    kind: String,
    #[schema(schema_with = media_types)]
    media_type: String,
    /// Base64.
    #[schema(min_length = 4)]
    data: String,
}

/// The fields of a task beside the options of its session.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TaskFields {
    #[schema(min_length = 1, max_length = 100000)]
    prompt: String,
    #[schema(max_items = 20)]
    attachments: Option<Vec<ImageBody>>,
    /// The session to go on with. `title`, `permission_mode` and `model` are set anew if they are given;
    /// other options must be what they were when it was opened.
    #[schema(value_type = Option<SessionId>)]
    resume: Option<String>,
    /// Go on with the newest session in this folder, if there is one.
    continue_conversation: Option<bool>,
    /// Never go on with another session.
    new_session: Option<bool>,
    /// How long the request waits: 600000 if absent, and a stream as long as the turn takes. The task itself
    /// may take longer.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 86400000)]
    timeout_ms: Option<u64>,
}

/// The body of a task, for the API's documentation.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read field by field, so that each mistake can be named")]
pub(crate) struct TaskBody {
    #[schema(inline)]
    #[serde(flatten)]
    task: TaskFields,
    #[schema(inline)]
    #[serde(flatten)]
    options: OpenSessionBody,
}

/// A checked task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) submission: Submission,
    pub(crate) target: Target,
    pub(crate) opening: Opening,
    /// Absent where none was given.
    pub(crate) timeout: Option<Duration>,
    /// The options that were given, by name.
    given: Vec<String>,
}

/// Which session a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    New,
    Resume(SessionId),
    NewestInFolder,
}

impl Task {
    pub(crate) fn read(
        mut fields: Fields,
        caller: &Principal,
        context: &Context,
        offered: &OfferedFolders,
    ) -> Result<Self, Problem> {
        let options = take_options(&mut fields);
        let given =
            options.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        let body: TaskFields = parse(fields)?;
        let target = target(&body)?;
        Ok(Self {
            submission: submission(&caller.name, body.prompt, body.attachments, WhileRunning::Refuse)?,
            target,
            opening: Opening::read(parse(options)?, caller, (context, offered))?,
            timeout: body.timeout_ms.map(timeout).transpose()?,
            given,
        })
    }
}

impl Task {
    /// What has to change in a session that is open already, so that the options hold that were given.
    /// Those that cannot be changed must be what they are; a folder can be where its own is gone.
    pub(crate) fn changes_to(
        &self,
        session: &SessionHead,
        opened: &SessionOpened,
    ) -> Result<Vec<SessionChange>, Problem> {
        let Opening { working_dir, permission_mode, title, options } = &self.opening;
        let mut changes = vec![];
        for name in &self.given {
            let is_same = match name.as_str() {
                "title" if *title == session.title => true,
                "title" => {
                    changes.extend(title.clone().map(SessionChange::Title));
                    true
                }
                "permission_mode" => {
                    changes.push(SessionChange::PermissionMode(*permission_mode));
                    true
                }
                "model" if options.model == session.model => true,
                "model" => {
                    changes.push(SessionChange::Model(options.model.clone()));
                    true
                }
                "working_dir" if *working_dir == session.working_dir => true,
                "working_dir" if !Path::new(&session.working_dir).exists() => {
                    changes.push(SessionChange::WorkingDir(working_dir.clone()));
                    true
                }
                name => is_same_option(name, options, &opened.options),
            };
            if !is_same {
                return Err(option_fixed(name));
            }
        }
        Ok(changes)
    }
}

fn is_same_option(name: &str, asked: &AgentOptions, fixed: &AgentOptions) -> bool {
    match name {
        "tools" => asked.tools == fixed.tools,
        "fallback_model" => asked.fallback_model == fixed.fallback_model,
        "effort" => asked.effort == fixed.effort,
        "max_turns" => asked.max_turns == fixed.max_turns,
        "max_budget_usd" => asked.max_budget_micros == fixed.max_budget_micros,
        "max_duration_ms" => asked.max_duration_ms == fixed.max_duration_ms,
        "append_system_prompt" => asked.append_system_prompt == fixed.append_system_prompt,
        "output_schema" => asked.output_schema == fixed.output_schema,
        "add_dirs" => asked.add_dirs == fixed.add_dirs,
        "env" => asked.env == fixed.env,
        _ => false,
    }
}

fn option_fixed(name: &str) -> Problem {
    let detail = format!("`{name}` was fixed when the session was opened, and is not what it was then");
    Problem::field("option_fixed", &format!("/{name}"), detail)
}

/// Reads a prompt for a session that exists.
pub(crate) fn read_prompt(body: PromptBody, author: &str) -> Result<Submission, Problem> {
    submission(author, body.prompt, body.attachments, WhileRunning::Queue)
}

/// A prompt that is nothing but text.
pub(crate) fn text_prompt(text: String, author: &str) -> Result<Submission, Problem> {
    submission(author, text, None, WhileRunning::Queue)
}

fn target(body: &TaskFields) -> Result<Target, Problem> {
    let continues = body.continue_conversation.unwrap_or_default();
    let is_new = body.new_session.unwrap_or_default();
    let conflict = |pointer| Problem::field("options_conflict", pointer, "contradicts another option");
    match (&body.resume, continues, is_new) {
        (Some(_), true, _) => Err(conflict("/continue_conversation")),
        (Some(_), false, true) | (None, true, true) => Err(conflict("/new_session")),
        (Some(resume), false, false) => Ok(Target::Resume(resume.parse().map_err(|_| not_found())?)),
        (None, true, false) => Ok(Target::NewestInFolder),
        (None, false, _) => Ok(Target::New),
    }
}

fn submission(
    author: &str,
    prompt: String,
    attachments: Option<Vec<ImageBody>>,
    while_running: WhileRunning,
) -> Result<Submission, Problem> {
    let text = prompt_text(prompt)?;
    let images = attachments.unwrap_or_default();
    at_most("/attachments", images.len(), MAX_ATTACHMENTS)?;
    let attachments = images
        .into_iter()
        .enumerate()
        .map(|(index, image)| attachment(index, image))
        .collect::<Result<_, _>>()?;
    let (turn, author) = (TurnId(Uuid::now_v7()), author.to_owned());
    Ok(Submission { turn, text, attachments, author, while_running })
}

/// The text of a prompt.
pub(super) fn prompt_text(text: String) -> Result<Prompt, Problem> {
    Prompt::try_from(text).map_err(|error| {
        let code = match error {
            PromptError::Empty => "prompt_empty",
            PromptError::TooLong => "prompt_too_long",
            PromptError::ContainsNul => "prompt_invalid",
        };
        Problem::field(code, "/prompt", error.to_string())
    })
}

fn attachment(index: usize, image: ImageBody) -> Result<Attachment, Problem> {
    let invalid = |field: &str, detail: String| {
        Err(Problem::field("attachment_invalid", &format!("/attachments/{index}/{field}"), detail))
    };
    if image.kind != "image" {
        return invalid("type", "must be image".to_owned());
    }
    if !MEDIA_TYPES.contains(&image.media_type.as_str()) {
        return invalid("media_type", format!("must be one of {}", MEDIA_TYPES.join(", ")));
    }
    let Ok(bytes) = BASE64.decode(&image.data) else {
        return invalid("data", "is not base64".to_owned());
    };
    if let Err(detail) = picture::check(&image.media_type, &bytes) {
        return invalid("data", detail);
    }
    Ok(Attachment::Image { media_type: image.media_type, data: image.data })
}

fn image_kind() -> Object {
    one_of(&["image"])
}

fn media_types() -> Object {
    one_of(MEDIA_TYPES)
}

fn timeout(millis: u64) -> Result<Duration, Problem> {
    match millis {
        millis @ 1..=MAX_TIMEOUT_MS => Ok(Duration::from_millis(millis)),
        _ => {
            let detail = format!("must be between 1 and {MAX_TIMEOUT_MS}");
            Err(Problem::field("field_invalid", "/timeout_ms", detail))
        }
    }
}
