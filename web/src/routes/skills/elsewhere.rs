//! Skills that nobody has added here: what lies in a trusted folder, and what a session's agent told of.

use std::collections::BTreeSet;
use std::path::Path;

use runner_core::agent::AgentProfile;
use runner_core::ids::SessionId;
use runner_core::people::principal::Principal;
use runner_core::ports::{EntryKind, FolderEntry};
use runner_core::setup::trust::Trust;
use serde_json::Value;

use super::document::SkillDocument;
use super::fields::DOCUMENT;
use super::view::{SkillSource, SkillView};
use crate::context::Context;
use crate::http::error::ApiError;
use crate::stream;

/// Where a folder keeps its skills.
const FOLDER: &str = ".claude/skills";

/// The most that are listed of one folder.
const MAX_SKILLS: usize = 200;

/// The skills of a resolved folder; none where it is not trusted, for then agents load none.
pub(super) async fn of_folder(
    context: &Context,
    caller: &Principal,
    folder: &Path,
) -> Result<Vec<SkillView>, ApiError> {
    let trust = context.trust.of_all(&caller.tenant, &[folder]).await;
    if trust.map_err(runner_actors::RunnerError::from)? != Trust::Trusted {
        return Ok(vec![]);
    }
    let Ok(FolderEntry::Folder(entries)) = context.files.read(folder, Path::new(FOLDER)).await else {
        return Ok(vec![]);
    };
    let mut skills = vec![];
    for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Folder).take(MAX_SKILLS) {
        let document = Path::new(FOLDER).join(&entry.name).join(DOCUMENT);
        if let Ok(FolderEntry::File(bytes)) = context.files.read(folder, &document).await {
            let document = SkillDocument::read(&String::from_utf8_lossy(&bytes)).unwrap_or_default();
            skills.push(SkillView::named(entry.name, SkillSource::Workspace, document.description));
        }
    }
    Ok(skills)
}

/// The skills that a session's agent told of last, other than those of a folder and those of this server.
pub(super) async fn of_session(
    context: &Context,
    session: SessionId,
    workspace: &[SkillView],
) -> Result<Vec<SkillView>, ApiError> {
    let mut last: Option<AgentProfile> = None;
    let mut after = 0;
    loop {
        let events = context.sessions.events(session, after, stream::PAGE).await?;
        let is_last = events.len() < stream::PAGE as usize;
        for event in events {
            after = event.version;
            if event.type_name == "agent_initialized" {
                last = serde_json::from_str(&event.data).ok().or(last);
            }
        }
        if is_last {
            break;
        }
    }
    let names = last.map(|profile| profile.skills).unwrap_or_default();
    let known: BTreeSet<&str> = workspace.iter().map(|skill| skill.name.as_str()).collect();
    let names: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
    let others = names.into_iter().filter(|name| !name.starts_with("runner:") && !known.contains(name));
    Ok(others.map(|name| SkillView::named(name.to_owned(), SkillSource::Bundled, None)).collect())
}
