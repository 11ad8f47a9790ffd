//! The difference of contents that are no text, as git writes it: both of them whole, so that each can be
//! made of the other, under the ids by which git knows them.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use runner_core::agent::FileChangeKind;
use sha1::{Digest, Sha1};

/// The id of a file that is not there.
const NONE: &str = "0000000000000000000000000000000000000000";

/// Bytes in a line. Its length is a letter in front of it: `A` to `Z`, then `a` to `z`.
const LINE_BYTES: usize = 52;

/// The digits of git's base 85.
const DIGITS: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

pub(super) fn patch(kind: FileChangeKind, old: &[u8], new: &[u8]) -> String {
    let (old_id, new_id) = match kind {
        FileChangeKind::Created => (NONE.to_owned(), id(new)),
        FileChangeKind::Modified => (id(old), id(new)),
        FileChangeKind::Deleted => (id(old), NONE.to_owned()),
    };
    let mut patch = format!("index {old_id}..{new_id}\nGIT binary patch\n");
    push_literal(&mut patch, new);
    push_literal(&mut patch, old);
    patch
}

fn id(content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    hasher.finalize().iter().fold(String::new(), |mut id, byte| {
        write!(id, "{byte:02x}").ok();
        id
    })
}

fn push_literal(patch: &mut String, content: &[u8]) {
    writeln!(patch, "literal {}", content.len()).ok();
    for line in deflated(content).chunks(LINE_BYTES) {
        let length = u8::try_from(line.len()).unwrap_or_default();
        let letter = if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 };
        patch.push(char::from(letter));
        line.chunks(4).for_each(|bytes| push_digits(patch, bytes));
        patch.push('\n');
    }
    patch.push('\n');
}

/// Writing into memory does not fail.
fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::default());
    encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Four bytes in five digits; what is missing at the end is zero.
fn push_digits(patch: &mut String, bytes: &[u8]) {
    let mut word = [0; 4];
    word[..bytes.len()].copy_from_slice(bytes);
    let mut number = u32::from_be_bytes(word);
    let mut digits = [0; 5];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 85) as usize];
        number /= 85;
    }
    patch.extend(digits.map(char::from));
}
