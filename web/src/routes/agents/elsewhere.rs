//! Agents that nobody has defined here: those of Claude Code, and what lies in a trusted folder.

use std::path::Path;

use runner_core::people::principal::Principal;
use runner_core::ports::{EntryKind, FolderEntry};
use runner_core::setup::trust::Trust;

use super::view::{AgentSource, AgentView};
use crate::context::Context;
use crate::http::error::ApiError;
use crate::routes::skills::document::SkillDocument;

/// Where a folder keeps its agents.
const FOLDER: &str = ".claude/agents";

/// The most that are listed of one folder.
const MAX_AGENTS: usize = 200;

pub(super) fn built_in(context: &Context) -> impl Iterator<Item = AgentView> {
    context.sessions.built_in_agents().iter().map(|agent| {
        AgentView::named(agent.name.to_owned(), AgentSource::BuiltIn, Some(agent.description.to_owned()))
    })
}

/// The agents of a resolved folder; none where it is not trusted, for then nobody loads any.
pub(super) async fn of_folder(
    context: &Context,
    caller: &Principal,
    folder: &Path,
) -> Result<Vec<AgentView>, ApiError> {
    let trust = context.trust.of_all(&caller.tenant, &[folder]).await;
    if trust.map_err(runner_actors::RunnerError::from)? != Trust::Trusted {
        return Ok(vec![]);
    }
    let Ok(FolderEntry::Folder(entries)) = context.files.read(folder, Path::new(FOLDER)).await else {
        return Ok(vec![]);
    };
    let is_agent = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "md");
    let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File && is_agent(&entry.name));
    let mut agents = vec![];
    for entry in files.take(MAX_AGENTS) {
        let Ok(FolderEntry::File(bytes)) =
            context.files.read(folder, &Path::new(FOLDER).join(&entry.name)).await
        else {
            continue;
        };
        // Agents are written as skills are: a name and a description above the instructions. Claude Code
        // takes none that lacks one of the two.
        let document = SkillDocument::read(&String::from_utf8_lossy(&bytes)).unwrap_or_default();
        if let (Some(name), Some(description)) = (document.name, document.description) {
            agents.push(AgentView::named(name, AgentSource::Workspace, Some(description)));
        }
    }
    Ok(agents)
}
