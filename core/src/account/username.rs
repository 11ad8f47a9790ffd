//! The name that a person has in this installation, and the reason why nobody can have it twice.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Names that the log uses for what is no registered person.
const RESERVED: [&str; 4] = ["local", "system", "agent", "anonymous"];

const MAX_CHARS: usize = 64;

/// A person's name: 1 to 64 letters, digits and `._@-`, the first one a letter or digit, lower case in
/// normal form. Names that look the same on a keyboard in capitals are the same name. Never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Username(String);

/// Why a text is nobody's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UsernameError {
    #[error(
        "must be 1 to {MAX_CHARS} letters, digits and any of `.`, `_`, `@`, `-`, and begin with a letter or digit"
    )]
    Malformed,
    #[error("is reserved")]
    Reserved,
}

impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        // A longer text cannot become short enough; it is not worth the work.
        if text.len() > 4 * MAX_CHARS {
            return Err(UsernameError::Malformed);
        }
        let lower: String = text.nfkc().collect::<String>().to_lowercase();
        let name: String = lower.nfkc().collect();
        let is_plain = name.chars().all(|char| char.is_alphanumeric() || "._@-".contains(char));
        let begins_well = name.starts_with(char::is_alphanumeric);
        if !is_plain || !begins_well || name.chars().count() > MAX_CHARS {
            return Err(UsernameError::Malformed);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(UsernameError::Reserved);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Username, UsernameError};

    fn name(text: &str) -> Result<String, UsernameError> {
        Username::try_from(text.to_owned()).map(|name| name.to_string())
    }

    #[test]
    fn case_and_width_make_no_other_name() {
        for text in ["Ada.Lovelace", "ada.lovelace", "ADA.LOVELACE", "Ａｄａ．Ｌｏｖｅｌａｃｅ"] {
            assert_eq!(name(text).as_deref(), Ok("ada.lovelace"), "{text}");
        }
        for text in ["your-username", "小明", "ops@example.com", "x", "7"] {
            assert_eq!(name(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn name_of_a_name_is_that_name() {
        for text in ["ﬁona", "İstanbul1", "ΣΊΣΥΦΟΣ", "ǅ", "ẞ"] {
            // What cannot be written in the pattern in lower case is no name at all.
            if let Ok(once) = name(text) {
                assert_eq!(name(&once).as_deref(), Ok(once.as_str()), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_plain_name_is_refused() {
        let (long, huge) = ("a".repeat(65), "a".repeat(100_000));
        for text in
            ["", " ", "a b", "-rf", ".", "..", "a/b", "a\0b", "a\nb", "a:b", "@a", "a\u{202e}b", &long, &huge]
        {
            assert_eq!(name(text), Err(UsernameError::Malformed), "{text:?}");
        }
        assert_eq!(name(&"a".repeat(64)), Ok("a".repeat(64)));
    }

    #[test]
    fn names_of_the_log_are_reserved_in_any_case() {
        for text in ["local", "System", "AGENT", "ａnonymous"] {
            assert_eq!(name(text), Err(UsernameError::Reserved), "{text}");
        }
    }
}
