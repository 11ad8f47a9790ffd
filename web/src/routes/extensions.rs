//! What the routes of all kinds of extensions share: scopes, names, and their history.

pub(super) mod history;
pub(super) mod operations;

use runner_actors::StoredExtension;
use runner_core::ids::ExtensionId;
use runner_core::people::principal::Principal;
use runner_core::setup::extension::definition::Scope;
use runner_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};

/// The sessions in which an extension is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScopeName {
    /// All of its owner's.
    User,
    /// Everybody's of the team in one folder and below.
    Workspace,
}

impl ScopeName {
    /// The name of a scope, and its folder if it has one.
    pub(super) fn of(scope: &Scope) -> (Self, Option<String>) {
        match scope {
            Scope::User => (Self::User, None),
            Scope::Workspace { working_dir } => (Self::Workspace, Some(working_dir.clone())),
        }
    }
}

/// The part of an extension that all kinds have.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ExtensionHead {
    pub(super) id: ExtensionId,
    name: String,
    owner: String,
    scope: ScopeName,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
    enabled: bool,
    /// The version of its history.
    version: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ExtensionHead {
    pub(super) fn of(extension: &StoredExtension) -> Self {
        let created = &extension.created;
        let (scope, working_dir) = ScopeName::of(&created.scope);
        Self {
            id: extension.id,
            name: created.name.clone(),
            owner: created.owner.clone(),
            scope,
            working_dir,
            enabled: extension.is_enabled,
            version: extension.version,
            created_at: created.at,
            updated_at: extension.changed_at,
        }
    }
}

/// The scope that a body names; absent where it names none.
pub(super) async fn scope(
    context: &Context,
    caller: &Principal,
    (name, working_dir): (Option<ScopeName>, Option<&str>),
) -> Result<Option<Scope>, ApiError> {
    let folder = match (name, working_dir) {
        (None, None) => return Ok(None),
        (Some(ScopeName::User), None) => return Ok(Some(Scope::User)),
        (Some(ScopeName::User), Some(_)) => {
            let detail = "goes with the scope `workspace` only";
            return Err(Problem::field("field_invalid", "/working_dir", detail).into());
        }
        (Some(ScopeName::Workspace), None) => {
            let detail = "is needed: the folder of the workspace";
            return Err(Problem::field("working_dir_missing", "/working_dir", detail).into());
        }
        (Some(ScopeName::Workspace) | None, Some(folder)) => folder,
    };
    let resolved = context.working_folders.of(caller).await?.resolve(folder);
    let resolved = resolved.map_err(|refusal| refusal.problem("/working_dir"))?;
    let working_dir = resolved.into_os_string().into_string();
    let working_dir = working_dir
        .map_err(|_| Problem::field("field_invalid", "/working_dir", "its name is no valid text"))?;
    Ok(Some(Scope::Workspace { working_dir }))
}
