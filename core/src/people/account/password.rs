//! What a password must be: long enough, not the name, and not one that everybody tries first.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;
use thiserror::Error;

use super::username::Username;

/// The shortest and the longest password, in characters. There are no rules about what kinds they are of.
pub const MIN_CHARS: usize = 8;
pub const MAX_CHARS: usize = 128;

/// The 10,000 most common passwords of at least eight characters, in lower case. From the frequency list
/// of zxcvbn (crate 3.1.1, MIT licence, copyright 2016 Joshua Holmer; the list copyright 2012 Dropbox, Inc.,
/// MIT).
const COMMON: &str = include_str!("common_passwords.txt");

static COMMON_PASSWORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| COMMON.lines().collect());

/// A password as somebody typed it. It cannot be shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    #[error("must have at least {MIN_CHARS} characters")]
    TooShort,
    #[error("must have at most {MAX_CHARS} characters")]
    TooLong,
    #[error("must not be the username")]
    IsUsername,
    #[error("is one of the passwords that are tried first; choose another one")]
    TooCommon,
}

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the hash alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it could be anybody's at all; what is longer need not be hashed.
    pub fn is_possible(&self) -> bool {
        self.0.chars().take(MAX_CHARS + 1).count() <= MAX_CHARS
    }

    /// Whether somebody may choose it.
    pub fn check(&self, username: &Username) -> Result<(), PasswordError> {
        if !self.is_possible() {
            return Err(PasswordError::TooLong);
        }
        let lower = self.0.to_lowercase();
        match self.0.chars().count() {
            0..MIN_CHARS => Err(PasswordError::TooShort),
            _ if lower == username.as_str() => Err(PasswordError::IsUsername),
            _ if COMMON_PASSWORDS.contains(lower.as_str()) => Err(PasswordError::TooCommon),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(password)")
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON_PASSWORDS, Password, PasswordError};
    use crate::people::account::username::Username;

    fn check(password: &str) -> Result<(), PasswordError> {
        let username = Username::try_from("ada.lovelace".to_owned()).unwrap();
        Password::new(password).check(&username)
    }

    #[test]
    fn length_counts_characters_and_nothing_else_counts() {
        for password in ["your-password", "ungewöhnlich", "密码密码密码密码", "        ", &"x".repeat(128)]
        {
            assert_eq!(check(password), Ok(()), "{password}");
        }
        assert_eq!(check("seven77"), Err(PasswordError::TooShort));
        assert_eq!(check("密码密码密码"), Err(PasswordError::TooShort));
        assert_eq!(check(&"x".repeat(129)), Err(PasswordError::TooLong));
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        assert!(COMMON_PASSWORDS.len() >= 3000);
        for password in ["password", "PassWord", "12345678", "qwertyuiop", "trustno1", "iloveyou"] {
            assert_eq!(check(password), Err(PasswordError::TooCommon), "{password}");
        }
    }

    #[test]
    fn username_is_no_password() {
        assert_eq!(check("Ada.Lovelace"), Err(PasswordError::IsUsername));
    }

    #[test]
    fn password_is_not_shown() {
        assert_eq!(format!("{:?}", Password::new("secret-secret")), "(password)");
    }
}
