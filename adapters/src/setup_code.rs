//! The code that the first user of an open server needs, in a file that only its operator can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use runner_core::log::Digest;
use runner_core::people::credentials::{CodeKind, CodeMaker, CredentialError, SetupCode};
use thiserror::Error;
use uuid::Uuid;

use crate::random_codes::RandomCodes;

const FILE_NAME: &str = "setup-code";

/// A code in a file.
#[derive(Debug)]
pub struct SetupFile {
    path: PathBuf,
    hash: Digest,
}

/// Why there is no code.
#[derive(Debug, Error)]
pub enum SetupFileError {
    #[error("the setup code cannot be written")]
    File(#[from] io::Error),
    #[error(transparent)]
    Code(#[from] CredentialError),
}

impl SetupFile {
    /// The code that is in a folder already, or a new one.
    pub fn load_or_create(folder: &Path) -> Result<Self, SetupFileError> {
        let path = folder.join(FILE_NAME);
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if let Some((_, hash)) = RandomCodes.read(CodeKind::Setup, kept.trim()) {
            return Ok(Self { path, hash });
        }
        let (code, hash) = RandomCodes.make(CodeKind::Setup, Uuid::now_v7())?;
        Self::discard(folder)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", code.0)?;
        file.sync_all()?;
        Ok(Self { path, hash })
    }

    /// Removes what an earlier start may have left.
    pub fn discard(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(FILE_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl SetupCode for SetupFile {
    fn hash(&self) -> Digest {
        self.hash
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the setup code was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use runner_core::people::credentials::{CodeKind, CodeMaker, SetupCode};

    use super::SetupFile;
    use crate::random_codes::RandomCodes;

    #[test]
    fn code_stays_until_it_is_removed_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let made = SetupFile::load_or_create(folder.path()).unwrap();
        let text = std::fs::read_to_string(made.path()).unwrap();

        assert_eq!(SetupFile::load_or_create(folder.path()).unwrap().hash(), made.hash());
        assert_eq!(RandomCodes.read(CodeKind::Setup, text.trim()).unwrap().1, made.hash());
        assert_eq!(std::fs::metadata(made.path()).unwrap().permissions().mode() & 0o777, 0o600);

        made.remove();
        assert!(!made.path().exists());
        assert_ne!(SetupFile::load_or_create(folder.path()).unwrap().hash(), made.hash());
    }

    #[test]
    fn damaged_code_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("setup-code"), "1234").unwrap();

        let made = SetupFile::load_or_create(folder.path()).unwrap();

        assert!(std::fs::read_to_string(made.path()).unwrap().starts_with("ccs_"));
    }
}
