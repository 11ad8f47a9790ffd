//! The installation's secret key, from the settings or made once and kept in the data folder.
//!
//! Nothing is signed or sealed with the key itself: each purpose gets a key of its own, derived with
//! HKDF-SHA-256, so that what one of them leaks says nothing about another.

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;

/// The shortest secret, in bytes.
pub const MIN_BYTES: usize = 32;

const FILE_NAME: &str = "secret-key";
const NEXT_NAME: &str = "secret-key.next";

/// What a derived key is for. The words are frozen: they go into the derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    AccessTokens,
    RefreshTokens,
    /// Encrypting the keys that encrypt stored secrets.
    Vault,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AccessTokens => b"claude-runner/1/access-tokens",
            Self::RefreshTokens => b"claude-runner/1/refresh-tokens",
            Self::Vault => b"claude-runner/1/vault",
        }
    }
}

/// At least 256 bits that only this installation knows.
#[derive(Clone)]
pub struct SecretKey(Vec<u8>);

/// Why there is no secret key.
#[derive(Debug, Error)]
pub enum SecretKeyError {
    #[error("a secret key must have at least {MIN_BYTES} bytes")]
    TooShort,
    #[error("the secret key in the data folder is damaged; restore it, or everybody has to log in again")]
    Damaged,
    #[error("the secret key in the data folder cannot be read or made")]
    File(#[from] io::Error),
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl SecretKey {
    /// A key that the operator chose.
    pub fn from_setting(text: &str) -> Result<Self, SecretKeyError> {
        if text.len() < MIN_BYTES {
            return Err(SecretKeyError::TooShort);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// The key of a data folder, which gets one if it has none.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, SecretKeyError> {
        let path = data_dir.join(FILE_NAME);
        match fs::read_to_string(&path) {
            Ok(text) => {
                // A copy of the folder may have lost its modes.
                fs::set_permissions(&path, Permissions::from_mode(0o600))?;
                Ok(Self(read_hex(text.trim()).ok_or(SecretKeyError::Damaged)?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(data_dir, &path),
            Err(error) => Err(error.into()),
        }
    }

    /// A new key beside the one that is used, which takes its name with [`SecretKey::promote_next`].
    pub fn create_next(data_dir: &Path) -> Result<Self, SecretKeyError> {
        Self::create(data_dir, &data_dir.join(NEXT_NAME))
    }

    /// What a rotation left that was cut off.
    pub fn load_next(data_dir: &Path) -> Result<Option<Self>, SecretKeyError> {
        match fs::read_to_string(data_dir.join(NEXT_NAME)) {
            Ok(text) => Ok(Some(Self(read_hex(text.trim()).ok_or(SecretKeyError::Damaged)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub fn promote_next(data_dir: &Path) -> Result<(), SecretKeyError> {
        fs::rename(data_dir.join(NEXT_NAME), data_dir.join(FILE_NAME))?;
        Ok(File::open(data_dir)?.sync_all()?)
    }

    pub fn discard_next(data_dir: &Path) -> Result<(), SecretKeyError> {
        Ok(fs::remove_file(data_dir.join(NEXT_NAME))?)
    }

    /// On disk under its name before it is used, or not at all.
    fn create(data_dir: &Path, path: &Path) -> Result<Self, SecretKeyError> {
        let mut key = [0; MIN_BYTES];
        getrandom::fill(&mut key).map_err(SecretKeyError::Random)?;
        let unfinished = data_dir.join("secret-key.unfinished");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(data_dir)?.sync_all()?;
        Ok(Self(key.to_vec()))
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        let mut key = [0; 32];
        #[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes")]
        Hkdf::<Sha256>::new(None, &self.0).expand(purpose.label(), &mut key).expect("32 bytes");
        key
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret key)")
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() < 2 * MIN_BYTES || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Purpose, SecretKey, SecretKeyError};

    #[test]
    fn each_purpose_has_a_key_of_its_own_that_stays() {
        let key = SecretKey::from_setting("a secret of at least thirty-two bytes").unwrap();
        let purposes = [Purpose::AccessTokens, Purpose::RefreshTokens, Purpose::Vault];
        let derived = purposes.map(|purpose| key.derive(purpose));

        assert_eq!(derived, purposes.map(|purpose| key.derive(purpose)));
        assert!(derived[0] != derived[1] && derived[1] != derived[2] && derived[0] != derived[2]);
        let other = SecretKey::from_setting("a secret of at least thirty-two bytez").unwrap();
        assert_ne!(other.derive(Purpose::Vault), derived[2]);
    }

    #[test]
    fn short_secret_is_refused() {
        let refused = SecretKey::from_setting("thirty-one bytes are not enough").unwrap_err();
        assert!(matches!(refused, SecretKeyError::TooShort));
    }

    #[test]
    fn key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = SecretKey::load_or_create(folder.path()).unwrap();
        let path = folder.path().join("secret-key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

        let loaded = SecretKey::load_or_create(folder.path()).unwrap();

        assert_eq!(loaded.derive(Purpose::Vault), made.derive(Purpose::Vault));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let elsewhere = tempfile::tempdir().unwrap();
        let other = SecretKey::load_or_create(elsewhere.path()).unwrap();
        assert_ne!(other.derive(Purpose::Vault), made.derive(Purpose::Vault));
    }

    #[test]
    fn damaged_key_is_an_error_and_is_not_replaced() {
        for damaged in ["", "abc", "zz".repeat(32).as_str(), "ab".repeat(31).as_str()] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secret-key");
            std::fs::write(&path, damaged).unwrap();

            let refused = SecretKey::load_or_create(folder.path()).unwrap_err();

            assert!(matches!(refused, SecretKeyError::Damaged), "{damaged}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
        }
    }
}
