//! The checks on a plugin that somebody installs.

use std::path::{Path, PathBuf};

use actix_web::http::StatusCode;
use actix_web::web;
use runner_core::people::principal::{Permission, Principal};
use runner_core::ports::{EntryKind, EntryRefusal, FolderEntry};
use runner_core::setup::extension::files::{BundledFile, FileBundle, FileFault, MAX_FILES};
use runner_core::setup::extension::plugin::{MANIFEST, Plugin};
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem, internal};
use crate::request::archive;
use crate::request::options::resolve;
use crate::routes::extensions::ScopeName;

const MAX_NAME_BYTES: usize = 64;
const MAX_DEPTH: usize = 10;

/// Names that other things have: the plugin with everybody's skills is called `runner`.
const TAKEN: &[&str] = &["runner"];

/// A plugin as an archive or as a folder: one of the two.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginBody {
    /// A zip or a tar.gz of the plugin's folder, in base64.
    pub(super) archive: Option<String>,
    /// A folder below one in which the team may work. It is copied: what changes there later changes nothing
    /// here.
    pub(super) folder: Option<String>,
    pub(super) scope: Option<ScopeName>,
    /// The folder of the scope `workspace`.
    pub(super) working_dir: Option<String>,
    /// True if absent; when a plugin is installed anew, as it was.
    pub(super) enabled: Option<bool>,
}

/// Fields to set anew; absent ones stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginPatch {
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// The plugin that was sent, with its name and its files.
pub(super) async fn plugin(
    context: &Context,
    caller: &Principal,
    body: &PluginBody,
) -> Result<(String, Plugin, FileBundle), ApiError> {
    // Before anything is unpacked, or read in folders.
    if !caller.may(Permission::Administer) {
        return Err(runner_actors::ExtensionError::ForAdmins.into());
    }
    let (files, pointer) = match (&body.archive, &body.folder) {
        (Some(archive), None) => {
            let archive = archive.clone();
            let read = web::block(move || archive::read(&archive, MANIFEST)).await;
            (read.map_err(|_| internal())??, "/archive")
        }
        (None, Some(folder)) => {
            let resolved = resolve(folder, "/folder", &context.working_folders.of(caller).await?)?;
            (copy(context, &PathBuf::from(resolved)).await?, "/folder")
        }
        (Some(_), Some(_)) | (None, None) => {
            let detail = "give either `archive` or `folder`";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "field_missing", detail).into());
        }
    };
    let invalid = |why: String| Problem::field("plugin_invalid", pointer, why);
    let (name, plugin) = Plugin::read(&files).map_err(invalid)?;
    if !is_name(&name) {
        let detail = format!(
            "its name is `{}`; it must have 1 to {MAX_NAME_BYTES} letters, digits, `-`, `_` and `.`, and not be `runner`",
            name.escape_debug()
        );
        return Err(invalid(detail).into());
    }
    Ok((name, plugin, files))
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(is_plain)
        && name.starts_with(|char: char| char.is_ascii_alphanumeric())
        && !TAKEN.contains(&name)
}

/// The files of a folder. The folder of git is not one of them; a link refuses it all.
async fn copy(context: &Context, folder: &Path) -> Result<FileBundle, Problem> {
    let invalid = |detail: String| Problem::field("plugin_invalid", "/folder", detail);
    let mut files = FileBundle::default();
    let mut ahead = vec![PathBuf::new()];
    let mut seen = 0;
    while let Some(path) = ahead.pop() {
        seen += 1;
        if seen > 4 * MAX_FILES || path.components().count() > MAX_DEPTH {
            return Err(too_large(FileFault::TooMany.to_string()));
        }
        let shown = path.display().to_string();
        match context.files.read(folder, &path).await {
            Ok(FolderEntry::File(bytes)) => {
                let file = BundledFile::new(bytes, None);
                files.insert(&shown, file).map_err(|fault| match fault {
                    FileFault::Path | FileFault::Twice => invalid(format!("`{shown}` {fault}")),
                    FileFault::TooMany | FileFault::TooLarge => too_large(fault.to_string()),
                })?;
            }
            Ok(FolderEntry::Folder(entries)) => {
                for entry in entries.into_iter().filter(|entry| entry.name != ".git") {
                    let path = path.join(&entry.name);
                    match entry.kind {
                        EntryKind::File | EntryKind::Folder => ahead.push(path),
                        EntryKind::Link | EntryKind::Other => {
                            return Err(invalid(format!("`{}` is a link or no plain file", path.display())));
                        }
                    }
                }
            }
            Err(EntryRefusal::Missing) => return Err(invalid(format!("`{shown}` cannot be read"))),
            Err(refusal @ (EntryRefusal::TooLarge { .. } | EntryRefusal::TooMany { .. })) => {
                return Err(too_large(format!("`{shown}`: {refusal}")));
            }
        }
    }
    Ok(files)
}

fn too_large(detail: String) -> Problem {
    Problem::field("archive_too_large", "/folder", detail)
}
