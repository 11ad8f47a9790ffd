//! What the difference between two versions of a file is.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Two versions of a file that differ.
pub(super) struct Patch {
    pub(super) added: u32,
    pub(super) removed: u32,
    /// A unified diff without file headers; absent where it is too long.
    pub(super) text: Option<String>,
}

/// A longer diff is no diff that a person reads.
const MAX_BYTES: usize = 64 << 10;

/// Time to find a short diff; after it, any diff will do.
const TIME: Duration = Duration::from_millis(200);

/// Absent where one of the versions is not text.
pub(super) fn between(old: &[u8], new: &[u8]) -> Option<Patch> {
    let (old, new) = (text(old)?, text(new)?);
    let diff = TextDiff::configure().timeout(TIME).diff_lines(old, new);
    let count = |tag| {
        let lines = diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        u32::try_from(lines).unwrap_or(u32::MAX)
    };
    let unified = diff.unified_diff().context_radius(3).to_string();
    Some(Patch {
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
        text: (unified.len() <= MAX_BYTES).then_some(unified),
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
