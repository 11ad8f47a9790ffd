//! Files that belong to an extension: few and small, by paths that lead nowhere else.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::log::Digest;

/// The most files that one extension has.
pub const MAX_FILES: usize = 500;

/// The most bytes that all files of one extension have together.
pub const MAX_FILE_BYTES: usize = 5 * 1024 * 1024;

const MAX_PATH_BYTES: usize = 255;

/// Files by their paths. No path is absolute, leads upwards, or goes through another file.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileBundle(BTreeMap<String, BundledFile>);

/// The content of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    #[serde(rename = "base64", serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_executable: bool,
}

/// The files of an extension as its definition names them: what they are, and a digest of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    pub digest: Digest,
    pub files: Vec<FileEntry>,
}

/// A file, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileEntry {
    pub path: String,
    pub bytes: u64,
}

/// Why a file cannot be one of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FileFault {
    #[error(
        "is no path below the folder: at most {MAX_PATH_BYTES} bytes, without `..`, `\\` and control characters"
    )]
    Path,
    #[error("is there twice, or is a file and a folder")]
    Twice,
    #[error("there are more than {MAX_FILES} files")]
    TooMany,
    #[error("the files have more than {MAX_FILE_BYTES} bytes together")]
    TooLarge,
}

impl FileBundle {
    /// Adds a file within the limits.
    pub fn insert(&mut self, path: &str, file: BundledFile) -> Result<(), FileFault> {
        if !is_plain(path) {
            return Err(FileFault::Path);
        }
        if self.0.len() == MAX_FILES {
            return Err(FileFault::TooMany);
        }
        if self.bytes() + file.bytes.len() > MAX_FILE_BYTES {
            return Err(FileFault::TooLarge);
        }
        let is_below = |one: &str, other: &str| {
            one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.0.keys().any(|known| is_below(known, path) || is_below(path, known)) {
            return Err(FileFault::Twice);
        }
        self.0.insert(path.to_owned(), file);
        Ok(())
    }

    pub fn remove(&mut self, path: &str) -> Option<BundledFile> {
        self.0.remove(path)
    }

    pub fn find(&self, path: &str) -> Option<&BundledFile> {
        self.0.get(path)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &BundledFile)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The size of all of them together.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|file| file.bytes.len()).sum()
    }

    /// The part below a folder, with paths from there.
    #[must_use]
    pub fn below(self, folder: &str) -> Self {
        let below = |(path, file): (String, BundledFile)| Some((path.strip_prefix(folder)?.to_owned(), file));
        Self(self.0.into_iter().filter_map(below).collect())
    }

    pub fn set(&self) -> FileSet {
        let mut hash = Sha256::new();
        for (path, file) in &self.0 {
            hash.update(format!("{}\n{path}\n{}\n{}\n", path.len(), file.is_executable, file.bytes.len()));
            hash.update(&file.bytes);
        }
        let entry = |(path, file): (&String, &BundledFile)| FileEntry {
            path: path.clone(),
            bytes: file.bytes.len() as u64,
        };
        FileSet { digest: Digest(hash.finalize().into()), files: self.0.iter().map(entry).collect() }
    }
}

impl BundledFile {
    /// A file that is a program if it is said to be one, or begins as a script does.
    pub fn new(bytes: Vec<u8>, mode: Option<u32>) -> Self {
        let is_executable = mode.is_some_and(|mode| mode & 0o111 != 0) || bytes.starts_with(b"#!");
        Self { bytes, is_executable }
    }
}

impl fmt::Debug for FileBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for BundledFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

fn is_plain(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    path.len() <= MAX_PATH_BYTES
        && path.split('/').all(is_name)
        && !path.chars().any(|char| char == '\\' || char.is_control())
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{BundledFile, FileBundle, FileFault, MAX_FILE_BYTES, MAX_FILES};

    #[test]
    fn paths_lead_nowhere_else() {
        let long = "a".repeat(256);
        for path in ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b", "a\nb", &long]
        {
            assert_eq!(FileBundle::default().insert(path, file(b"")), Err(FileFault::Path), "{path:?}");
        }
        assert_eq!(FileBundle::default().insert(".claude-plugin/plugin.json", file(b"")), Ok(()));
    }

    #[test]
    fn a_path_is_one_file_and_no_folder() {
        let mut files = FileBundle::default();
        files.insert("a/b", file(b"1")).unwrap();

        for path in ["a/b", "a", "a/b/c"] {
            assert_eq!(files.insert(path, file(b"2")), Err(FileFault::Twice), "{path}");
        }
        assert_eq!(files.insert("a/bc", file(b"2")), Ok(()));
    }

    #[test]
    fn files_are_few_and_small() {
        let mut many = FileBundle::default();
        (0..MAX_FILES).for_each(|number| many.insert(&number.to_string(), file(b"")).unwrap());
        assert_eq!(many.insert("more", file(b"")), Err(FileFault::TooMany));

        let mut large = FileBundle::default();
        large.insert("most", file(&vec![0; MAX_FILE_BYTES])).unwrap();
        assert_eq!(large.insert("more", file(b"1")), Err(FileFault::TooLarge));
    }

    #[test]
    fn the_digest_is_of_names_contents_and_what_is_a_program() {
        let one = |path: &str, file| {
            let mut files = FileBundle::default();
            files.insert(path, file).unwrap();
            files.set().digest
        };
        let digests = [
            one("a", file(b"1")),
            one("b", file(b"1")),
            one("a", file(b"2")),
            one("a", BundledFile::new(b"1".to_vec(), Some(0o755))),
        ];

        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
        assert_eq!(one("a", file(b"1")), digests[0]);
    }

    #[test]
    fn files_are_stored_like_this_for_ever() {
        let mut files = FileBundle::default();
        files.insert("run.sh", file(b"#!/bin/sh\n")).unwrap();
        files.insert("text", file(b"hi")).unwrap();
        let stored = json!({
            "run.sh": { "base64": "IyEvYmluL3NoCg==", "is_executable": true }, "text": { "base64": "aGk=" },
        });

        assert_eq!(serde_json::to_value(&files).unwrap(), stored);
        assert_eq!(serde_json::from_value::<FileBundle>(stored).unwrap(), files);
    }

    fn file(bytes: &[u8]) -> BundledFile {
        BundledFile::new(bytes.to_vec(), None)
    }
}
