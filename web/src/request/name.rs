//! Names that people give to what they keep.

use runner_core::people::confusable_names::is_legible;

use crate::http::error::Problem;

const MAX_NAME_CHARS: usize = 100;

/// A name that cannot be taken for another one by how it looks.
pub(crate) fn name(text: String) -> Result<String, Problem> {
    let is_plain = is_legible(&text) && text.trim() == text;
    if is_plain && (1..=MAX_NAME_CHARS).contains(&text.chars().count()) {
        return Ok(text);
    }
    let detail = format!(
        "must have 1 to {MAX_NAME_CHARS} visible characters, no outer spaces, and each word in one script"
    );
    Err(Problem::field("field_invalid", "/name", detail))
}
