//! Archives that are what they should be, and those that are not.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use runner_core::setup::extension::files::FileBundle;
use tar::{EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::read;

const MARKER: &str = "SKILL.md";

#[test]
fn a_zip_and_a_tar_give_the_same_files() {
    let entries: [(&str, &[u8], u32); 4] = [
        ("look/SKILL.md", b"text", 0o644),
        ("look/scripts/run", b"run", 0o755),
        ("__MACOSX/look/._SKILL.md", b"litter", 0o644),
        ("beside", b"not taken", 0o644),
    ];

    let (zip, tar) = (read(&zip(&entries), MARKER).unwrap(), read(&tar(&entries), MARKER).unwrap());

    assert_eq!(zip, tar);
    let found: Vec<(&str, &[u8], bool)> =
        zip.iter().map(|(path, file)| (path, file.bytes.as_slice(), file.is_executable)).collect();
    assert_eq!(found, [("SKILL.md", b"text".as_slice(), false), ("scripts/run", b"run".as_slice(), true)]);
}

#[test]
fn base64_may_be_in_lines() {
    let packed = zip(&[("SKILL.md", b"text", 0o644)]);
    let lines: Vec<&str> =
        packed.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();

    assert!(read(&lines.join("\n"), MARKER).is_ok());
}

#[test]
fn nothing_gets_out_of_the_folder() {
    for path in ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil"] {
        let entries: [(&str, &[u8], u32); 2] = [("SKILL.md", b"text", 0o644), (path, b"evil", 0o644)];
        assert_eq!(code(read(&zip(&entries), MARKER)), "archive_invalid", "zip {path}");
        assert_eq!(code(read(&tar(&entries), MARKER)), "archive_invalid", "tar {path}");
    }
}

#[test]
fn links_and_devices_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
        let mut header = header("evil", 0, 0o777);
        header.set_entry_type(kind);
        header.set_link_name("/etc/passwd").unwrap();
        header.set_cksum();
        assert_eq!(code(read(&tar_of([(header, vec![])]), MARKER)), "archive_invalid", "{kind:?}");
    }
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    zip.add_symlink("evil", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let packed = STANDARD.encode(zip.finish().unwrap().into_inner());
    assert_eq!(code(read(&packed, MARKER)), "archive_invalid");
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![0; 8 * 1024 * 1024];
    let one: [(&str, &[u8], u32); 2] = [("SKILL.md", b"text", 0o644), ("zeros", &zeros, 0o644)];
    let small = &zeros[..1024 * 1024];
    let several: [(&str, &[u8], u32); 7] =
        ["SKILL.md", "b", "c", "d", "e", "f", "g"].map(|path| (path, small, 0o644));
    let names: Vec<String> = (0..600).map(|number| format!("many/{number}")).collect();
    let many: Vec<(&str, &[u8], u32)> =
        names.iter().map(|name| (name.as_str(), b"".as_slice(), 0o644)).collect();

    for entries in [&one[..], &several[..], &many[..]] {
        for packed in [zip(entries), tar(entries)] {
            assert!(packed.len() < 200_000);
            assert_eq!(code(read(&packed, MARKER)), "archive_too_large");
        }
    }
    let folders = (0..20_000).map(|number| {
        let mut folder = header(&format!("{number}/"), 0, 0o755);
        folder.set_entry_type(EntryType::Directory);
        folder.set_cksum();
        (folder, vec![])
    });
    assert_eq!(code(read(&tar_of(folders), MARKER)), "archive_too_large");
}

#[test]
fn what_is_no_archive_or_cut_off_is_refused() {
    let whole = STANDARD.decode(tar(&[("SKILL.md", &[7; 2000], 0o644)])).unwrap();
    let cut = STANDARD.encode(&whole[..whole.len() / 2]);

    for packed in ["%", "", "aGVsbG8=", "UEs=", "H4s=", &cut] {
        assert_eq!(code(read(packed, MARKER)), "archive_invalid", "{packed}");
    }
    for paths in [["a", "b/c/SKILL.md"], ["a/SKILL.md", "b/SKILL.md"]] {
        let entries = paths.map(|path| (path, b"".as_slice(), 0o644));
        assert_eq!(code(read(&zip(&entries), MARKER)), "archive_invalid");
    }
}

fn code(read: Result<FileBundle, crate::http::error::Problem>) -> String {
    read.unwrap_err().code.to_string()
}

fn zip(entries: &[(&str, &[u8], u32)]) -> String {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (path, bytes, mode) in entries {
        zip.start_file(*path, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    STANDARD.encode(zip.finish().unwrap().into_inner())
}

fn tar(entries: &[(&str, &[u8], u32)]) -> String {
    tar_of(entries.iter().map(|(path, bytes, mode)| (header(path, bytes.len(), *mode), bytes.to_vec())))
}

fn tar_of(entries: impl IntoIterator<Item = (Header, Vec<u8>)>) -> String {
    let mut tar = tar::Builder::new(GzEncoder::new(vec![], Compression::default()));
    for (header, bytes) in entries {
        tar.append(&header, bytes.as_slice()).unwrap();
    }
    STANDARD.encode(tar.into_inner().unwrap().finish().unwrap())
}

/// The head of an entry, with a path that the library would refuse to write.
fn header(path: &str, size: usize, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    header
}
