//! What is done alike with all kinds of extensions.

use runner_actors::{ExtensionPatch, NewExtension, StoredExtension};
use runner_core::log::Appended;
use runner_core::setup::extension::definition::ExtensionKind;
use runner_core::setup::extension::files::FileBundle;

use super::history::{Change, page};
use crate::context::Context;
use crate::http::error::{ApiError, Problem, version_not_found};
use crate::request::body::Nothing;
use crate::request::paging::PageQuery;
use crate::request::read::Read;
use crate::request::write::Write;

/// Makes one, with the files that its definition names, or finds what the first request under the key made;
/// says whether that was so.
pub(in crate::routes) async fn create<Body>(
    context: &Context,
    write: &Write<Body>,
    (new, files): (NewExtension, Option<FileBundle>),
) -> Result<(StoredExtension, bool), ApiError> {
    let (extensions, caller) = (&context.extensions, &write.caller);
    let kind = new.defined.definition.kind();
    let find = async |first: Appended| extensions.find(caller, kind, &first.stream.to_string()).await;
    if let Some(first) = write.first {
        return Ok((find(first).await?, true));
    }
    match extensions.create_with_files(caller, (new, files), write.provenance.clone()).await {
        Ok(made) => Ok((made, false)),
        // Because the same request came at the same time and was faster?
        Err(refused) => match write.find_first(context).await? {
            Some(first) => Ok((find(first).await?, true)),
            None => Err(refused.into()),
        },
    }
}

/// Changes one that was found, unless the first request under the key did.
pub(in crate::routes) async fn change<Body>(
    context: &Context,
    write: Write<Body>,
    (before, patch): (StoredExtension, ExtensionPatch),
) -> Result<StoredExtension, ApiError> {
    if write.first.is_some() {
        return Ok(before);
    }
    let kind = before.created.definition.kind();
    let id = before.id.to_string();
    Ok(context.extensions.change(&write.caller, (kind, &id), patch, write.provenance).await?)
}

/// Refuses a whole new definition that bears another name.
pub(in crate::routes) fn keep_name(before: &StoredExtension, given: Option<&str>) -> Result<(), Problem> {
    match given {
        Some(name) if name != before.created.name => {
            Err(Problem::field("field_invalid", "/name", "is another one, and names do not change"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(in crate::routes) async fn remove(
    context: &Context,
    write: Write<Nothing>,
    named: (ExtensionKind, &str),
) -> Result<(), ApiError> {
    if write.first.is_none() {
        context.extensions.remove(&write.caller, named, write.provenance).await?;
    }
    Ok(())
}

/// A page of its history, and the cursor of the next one.
pub(in crate::routes) async fn history(
    context: &Context,
    read: Read<PageQuery>,
    named: (ExtensionKind, &str),
) -> Result<(Vec<Change>, Option<String>), ApiError> {
    let changes = context.extensions.history(&read.caller, named).await?;
    Ok(page(&read.query, changes)?)
}

/// Makes it what it was at a version.
pub(in crate::routes) async fn restore(
    context: &Context,
    write: Write<Nothing>,
    (kind, name, version): (ExtensionKind, &str, &str),
) -> Result<StoredExtension, ApiError> {
    let extensions = &context.extensions;
    let found = extensions.find(&write.caller, kind, name).await?;
    let version = version.parse().map_err(|_| version_not_found())?;
    match write.first {
        Some(_) => Ok(found),
        None => Ok(extensions.restore(&write.caller, (kind, name), version, write.provenance).await?),
    }
}
