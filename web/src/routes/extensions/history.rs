//! The history of an extension: who changed what, and when.

use runner_actors::ExtensionChanged;
use runner_core::setup::extension::Restored;
use runner_core::setup::extension::definition::{Definition, Scope};
use runner_core::setup::extension::event::{CreatedExtension, ExtensionEvent};
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::http::error::Problem;
use crate::request::paging::{Order, PageQuery};

/// The part of a change that all kinds have.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::routes) struct ChangeHead {
    /// Counts from 1; to be given to `restore`.
    version: u64,
    change: ChangeKind,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it: `user:<name>`, or `user:<name>/token:<id>`.
    actor: String,
    /// Where it is active since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    /// The version that was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_version: Option<u64>,
}

#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum ChangeKind {
    Created,
    Changed,
    Moved,
    Enabled,
    Disabled,
    Restored,
    Removed,
}

/// A change, and the definition since then, if that was changed.
pub(in crate::routes) type Change = (ChangeHead, Option<Definition>);

/// A page of changes, the newest first, and the cursor of the next one.
pub(in crate::routes) fn page(
    asked: &PageQuery,
    changes: Vec<ExtensionChanged>,
) -> Result<(Vec<Change>, Option<String>), Problem> {
    let place = |changed: &ExtensionChanged| format!("{:020}", changed.version);
    let (changes, next_cursor) = asked.page(changes, Order::Falling, place)?;
    Ok((changes.into_iter().map(view).collect(), next_cursor))
}

fn view(changed: ExtensionChanged) -> Change {
    let ExtensionChanged { version, actor, event } = changed;
    let at = event.at();
    let head = |change| ChangeHead { version, change, at, actor, scope: None, restored_version: None };
    match event {
        ExtensionEvent::ExtensionCreated(CreatedExtension { scope, definition, .. }) => {
            (ChangeHead { scope: Some(scope), ..head(ChangeKind::Created) }, Some(definition))
        }
        ExtensionEvent::ExtensionChanged { definition, .. } => (head(ChangeKind::Changed), Some(definition)),
        ExtensionEvent::ExtensionMoved { scope, .. } => {
            (ChangeHead { scope: Some(scope), ..head(ChangeKind::Moved) }, None)
        }
        ExtensionEvent::ExtensionEnabled { .. } => (head(ChangeKind::Enabled), None),
        ExtensionEvent::ExtensionDisabled { .. } => (head(ChangeKind::Disabled), None),
        ExtensionEvent::ExtensionRestored { restored, .. } => {
            let Restored { version, scope, definition } = restored;
            let (scope, restored_version) = (Some(scope), Some(version));
            (ChangeHead { scope, restored_version, ..head(ChangeKind::Restored) }, Some(definition))
        }
        ExtensionEvent::ExtensionRemoved { .. } => (head(ChangeKind::Removed), None),
    }
}
