//! What the difference between two versions of a file is.

use std::time::Duration;

use runner_core::agent::FileChangeKind;
use similar::{ChangeTag, TextDiff};

use super::binary;

/// Two versions of a file that differ.
pub(super) struct Patch {
    pub(super) added: u32,
    pub(super) removed: u32,
    /// A unified diff without file headers, or git's form for what is no text; absent where it is too long.
    pub(super) text: Option<String>,
}

/// A longer diff is no diff that a person reads.
const MAX_BYTES: usize = 64 << 10;

/// Pictures and the like: nobody reads them, and programs apply them.
const MAX_BINARY_BYTES: usize = 128 << 10;

/// Time to find a short diff; after it, any diff will do.
const TIME: Duration = Duration::from_millis(200);

pub(super) fn between(kind: FileChangeKind, old: &[u8], new: &[u8]) -> Patch {
    let (Some(old_text), Some(new_text)) = (text(old), text(new)) else {
        let text = binary::patch(kind, old, new);
        return Patch { added: 0, removed: 0, text: (text.len() <= MAX_BINARY_BYTES).then_some(text) };
    };
    let diff = TextDiff::configure().timeout(TIME).diff_lines(old_text, new_text);
    let count = |tag| {
        let lines = diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        u32::try_from(lines).unwrap_or(u32::MAX)
    };
    let unified = diff.unified_diff().context_radius(3).to_string();
    Patch {
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
        text: (unified.len() <= MAX_BYTES).then_some(unified),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
