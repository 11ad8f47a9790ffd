//! Archives that people send: a zip, or a tar compressed with gzip, read into memory within limits.
//!
//! Nothing is unpacked to disk here. Only files are taken, by paths below the archive's own folder: a link or
//! a device, a path that leads elsewhere, and more than the limits allow, however small it was packed, refuse
//! the archive as a whole.

use std::io::{Cursor, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use runner_core::setup::extension::files::{BundledFile, FileBundle, FileFault, MAX_FILE_BYTES, MAX_FILES};
use zip::ZipArchive;

use crate::http::error::Problem;

/// The most bytes of an archive.
const MAX_ARCHIVE_BYTES: usize = 5 * 1024 * 1024;

/// The most entries: files, folders, and what goes with them.
const MAX_ENTRIES: usize = 4 * MAX_FILES;

/// The most bytes of an unpacked tar, with the heads of its entries.
const MAX_TAR_BYTES: u64 = 16 * 1024 * 1024;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZIP: &[u8] = b"PK";

/// The bits of a file's mode that say what it is, for a file and where nothing is said.
const TYPE_BITS: u32 = 0o170_000;
const PLAIN_TYPES: [u32; 2] = [0o100_000, 0];

/// Reads an archive in base64, and goes into the folder that holds a marker: the top, or the one folder
/// there.
pub(crate) fn read(archive: &str, marker: &str) -> Result<FileBundle, Problem> {
    let invalid = |detail: String| Problem::field("archive_invalid", "/archive", detail);
    let packed: String = archive.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|error| invalid(format!("is no base64: {error}")))?;
    if bytes.len() > MAX_ARCHIVE_BYTES {
        let detail = format!("has more than {MAX_ARCHIVE_BYTES} bytes");
        return Err(Problem::field("archive_too_large", "/archive", detail));
    }
    let files = match bytes.as_slice() {
        bytes if bytes.starts_with(GZIP) => read_tar(bytes),
        bytes if bytes.starts_with(ZIP) => read_zip(bytes),
        _ => return Err(invalid("is neither a zip nor a tar.gz".to_owned())),
    };
    match files.and_then(|files| below_marker(files, marker)) {
        Ok(files) => Ok(files),
        Err(Fault::TooLarge(detail)) => Err(Problem::field("archive_too_large", "/archive", detail)),
        Err(Fault::Invalid(detail)) => Err(invalid(detail)),
    }
}

/// Why an archive is refused.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Invalid(String),
    TooLarge(String),
}

fn unreadable(error: impl std::fmt::Display) -> Fault {
    Fault::Invalid(format!("cannot be read: {error}"))
}

fn too_many() -> Fault {
    Fault::TooLarge(format!("has more than {MAX_ENTRIES} entries"))
}

fn no_file(path: &str) -> Fault {
    Fault::Invalid(format!("`{path}` is a link or no plain file"))
}

fn read_zip(bytes: &[u8]) -> Result<FileBundle, Fault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    if archive.len() > MAX_ENTRIES {
        return Err(too_many());
    }
    let mut files = FileBundle::default();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let path = entry.name().map_err(unreadable)?.into_owned();
        if entry.is_dir() {
            continue;
        }
        let mode = entry.unix_mode();
        if mode.is_some_and(|mode| !PLAIN_TYPES.contains(&(mode & TYPE_BITS))) {
            return Err(no_file(&path));
        }
        add(&mut files, (&path, mode), entry)?;
    }
    Ok(files)
}

fn read_tar(bytes: &[u8]) -> Result<FileBundle, Fault> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(MAX_TAR_BYTES));
    let mut files = FileBundle::default();
    for (index, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        let entry = entry.map_err(unreadable)?;
        if index == MAX_ENTRIES {
            return Err(too_many());
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(unreadable)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(no_file(&path));
        }
        let mode = entry.header().mode().ok();
        add(&mut files, (&path, mode), entry)?;
    }
    // What was cut off there looks as if it had ended.
    match archive.into_inner().limit() {
        0 => Err(Fault::TooLarge(format!("has more than {MAX_TAR_BYTES} bytes when it is unpacked"))),
        _ => Ok(files),
    }
}

fn add(files: &mut FileBundle, (path, mode): (&str, Option<u32>), content: impl Read) -> Result<(), Fault> {
    let path = path.strip_prefix("./").unwrap_or(path);
    if is_litter(path) {
        return Ok(());
    }
    let mut bytes = vec![];
    // Never more than may be kept, whatever the archive says about its sizes.
    content.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    files.insert(path, BundledFile::new(bytes, mode)).map_err(|fault| match fault {
        FileFault::Path | FileFault::Twice => Fault::Invalid(format!("`{path}` {fault}")),
        FileFault::TooMany | FileFault::TooLarge => Fault::TooLarge(fault.to_string()),
    })
}

/// What the programs of macOS add to archives.
fn is_litter(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("__MACOSX/") || name == ".DS_Store" || name.starts_with("._")
}

fn below_marker(files: FileBundle, marker: &str) -> Result<FileBundle, Fault> {
    if files.find(marker).is_some() {
        return Ok(files);
    }
    let folders = files.iter().filter_map(|(path, _)| path.strip_suffix(marker)?.strip_suffix('/'));
    let folders: Vec<String> =
        folders.filter(|folder| !folder.contains('/')).map(|folder| format!("{folder}/")).collect();
    match folders.as_slice() {
        [folder] => Ok(files.below(folder)),
        [] => Err(Fault::Invalid(format!("has no {marker} at its top or in a folder there"))),
        [..] => Err(Fault::Invalid(format!("has more than one {marker}: send them one by one"))),
    }
}

#[cfg(test)]
mod tests;
