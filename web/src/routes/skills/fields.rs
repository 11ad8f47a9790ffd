//! The checks on what is said about a skill.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runner_core::setup::extension::definition::{Defined, Definition};
use runner_core::setup::extension::files::{BundledFile, FileBundle, FileFault};
use runner_core::setup::extension::secrets::SecretValues;
use runner_core::setup::extension::skill::{Skill, SkillCategory, SkillEdit};
use serde::Deserialize;

use crate::http::error::Problem;
use crate::request::field::{pointer, present};
use crate::routes::extensions::ScopeName;

/// The file of a skill that holds its description and its instruction.
pub(super) const DOCUMENT: &str = "SKILL.md";

const MAX_NAME_BYTES: usize = 64;
const MAX_DESCRIPTION_CHARS: usize = 1024;
const MAX_INSTRUCTION_BYTES: usize = 100 * 1024;

/// A skill: instructions that agents read when they need them.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillBody {
    /// Lowercase letters, digits and single `-`; people call it `/runner:<name>`.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) name: String,
    /// What it is for and when to use it: by this the model chooses it.
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: String,
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) instruction: String,
    /// Its other files, by their paths in its folder.
    pub(super) files: Option<BTreeMap<String, FileBody>>,
    /// `other` if absent.
    pub(super) category: Option<SkillCategory>,
    pub(super) scope: Option<ScopeName>,
    /// The folder of the scope `workspace`.
    pub(super) working_dir: Option<String>,
    /// True if absent.
    pub(super) enabled: Option<bool>,
}

/// The whole of a skill, in place of what it was; its scope and whether it is enabled stay where absent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillReplacement {
    /// The one it has: names do not change.
    pub(super) name: Option<String>,
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: String,
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) instruction: String,
    /// None if absent.
    pub(super) files: Option<BTreeMap<String, FileBody>>,
    pub(super) category: Option<SkillCategory>,
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// Fields to set anew; absent ones stay, and so do the files.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 102_400)]
    pub(super) instruction: Option<String>,
    pub(super) category: Option<SkillCategory>,
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// The content of a file: text, or bytes in base64.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "a text, or an object with `base64`")]
pub(super) enum FileBody {
    Text(String),
    Binary(BinaryFile),
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BinaryFile {
    base64: String,
}

impl SkillPatch {
    /// What it makes of a skill; absent where it leaves it as it is.
    pub(super) fn edit(&self) -> Result<Option<SkillEdit>, Problem> {
        let edit = SkillEdit {
            description: self.description.as_deref().map(description).transpose()?,
            instruction: self.instruction.as_deref().map(instruction).transpose()?,
            category: self.category,
        };
        Ok((edit != SkillEdit::default()).then_some(edit))
    }
}

/// A skill that is defined by texts and files, and the files to keep.
pub(super) fn defined(
    (described, instructed): (&str, &str),
    category: Option<SkillCategory>,
    files: FileBundle,
) -> Result<(Defined, Option<FileBundle>), Problem> {
    let files = Some(files).filter(|files| !files.is_empty());
    let skill = Skill {
        description: description(described)?,
        instruction: instruction(instructed)?,
        category: category.unwrap_or_default(),
        files: files.as_ref().map(FileBundle::set),
    };
    Ok((Defined { definition: Definition::Skill(skill), secrets: SecretValues::default() }, files))
}

/// A folder's name, as the conventions of skills have it.
pub(super) fn name(text: &str) -> Result<String, Problem> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if is_name {
        return Ok(text.to_owned());
    }
    let detail =
        format!("must have 1 to {MAX_NAME_BYTES} lowercase letters, digits and single `-` between them");
    Err(Problem::field("field_invalid", "/name", detail))
}

fn description(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if (1..=MAX_DESCRIPTION_CHARS).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must have 1 to {MAX_DESCRIPTION_CHARS} characters that are not all spaces");
    Err(Problem::field("field_invalid", "/description", detail))
}

fn instruction(text: &str) -> Result<String, Problem> {
    if !text.trim().is_empty() && text.len() <= MAX_INSTRUCTION_BYTES && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must have 1 to {MAX_INSTRUCTION_BYTES} bytes that are not all spaces");
    Err(Problem::field("field_invalid", "/instruction", detail))
}

pub(super) fn files(bodies: Option<&BTreeMap<String, FileBody>>) -> Result<FileBundle, Problem> {
    let mut files = FileBundle::default();
    for (path, body) in bodies.into_iter().flatten() {
        let pointer = pointer("/files", path);
        let bytes = match body {
            FileBody::Text(text) => text.clone().into_bytes(),
            FileBody::Binary(BinaryFile { base64 }) => {
                let packed: String = base64.split_ascii_whitespace().collect();
                let decoded = STANDARD.decode(packed);
                decoded.map_err(|error| {
                    Problem::field("field_invalid", &pointer, format!("is no base64: {error}"))
                })?
            }
        };
        if path == DOCUMENT {
            let detail = "is made of `description` and `instruction`";
            return Err(Problem::field("field_invalid", &pointer, detail));
        }
        let insert = files.insert(path, BundledFile::new(bytes, None));
        insert.map_err(|fault| match fault {
            FileFault::Path | FileFault::Twice => {
                Problem::field("field_invalid", &pointer, fault.to_string())
            }
            FileFault::TooMany | FileFault::TooLarge => {
                Problem::field("field_invalid", "/files", fault.to_string())
            }
        })?;
    }
    Ok(files)
}
