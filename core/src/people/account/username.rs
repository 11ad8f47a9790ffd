//! The name that a person has in this installation, and the reason why nobody can have it twice.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::people::confusable_names::{is_identifier, look_alike};

/// Names that the log uses for what is no registered person.
const RESERVED: [&str; 4] = ["local", "system", "agent", "anonymous"];

const MAX_CHARS: usize = 64;

/// What a name may have besides letters and digits.
const PUNCTUATION: &str = "._@-";

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
    /// Others could not tell it from another name, or see all of it.
    #[error("has letters that do not show, or of several scripts")]
    Illegible,
}

impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a new account may have this name. Accounts that already have it keep it.
    pub fn check_new(&self) -> Result<(), UsernameError> {
        let letters: String = self.0.chars().filter(|char| !PUNCTUATION.contains(*char)).collect();
        if is_identifier(&letters) { Ok(()) } else { Err(UsernameError::Illegible) }
    }

    /// Whether people would take it for another name.
    pub fn looks_like(&self, other: &str) -> bool {
        look_alike(&self.0, other)
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
        let is_plain = name.chars().all(|char| char.is_alphanumeric() || PUNCTUATION.contains(char));
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
    fn new_name_is_of_one_writing_and_shows() {
        let new = |text: &str| Username::try_from(text.to_owned()).and_then(|name| name.check_new());

        for text in
            ["ada.lovelace", "ops@example.com", "小明", "mueller-müller", "たろう", "홍길동", "иван", "q_1"]
        {
            assert_eq!(new(text), Ok(()), "{text}");
        }
        // Fillers of Hangul are letters; two of these names have a Cyrillic or Greek letter.
        for text in ["\u{3164}", "ada\u{3164}", "ada\u{ffa0}", "\u{1160}", "\u{430}dmin", "r\u{3bf}ot"] {
            assert_eq!(new(text), Err(UsernameError::Illegible), "{text:?}");
        }
    }

    #[test]
    fn names_of_the_log_are_reserved_in_any_case() {
        for text in ["local", "System", "AGENT", "ａnonymous"] {
            assert_eq!(name(text), Err(UsernameError::Reserved), "{text}");
        }
    }
}
