//! Pictures, as far as it must be known whether a model will see one.
//!
//! The agent puts a note in the place of what it cannot read as a picture, and tells nobody. So what comes in
//! as one is looked at before anything begins: it begins as its type does, and it is whole. The pixels are
//! not decoded.

/// The types that the model's API takes.
pub(super) const MEDIA_TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Whether the bytes are a whole picture of a type; if not, what is wrong.
pub(super) fn check(media_type: &str, bytes: &[u8]) -> Result<(), String> {
    let begins = match media_type {
        "image/png" => bytes.starts_with(PNG),
        "image/jpeg" => bytes.starts_with(&[0xFF, 0xD8, 0xFF]),
        "image/gif" => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        _ => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
    };
    if !begins {
        return Err(format!("does not begin as a picture of the type {media_type} does"));
    }
    let whole = match media_type {
        "image/png" => whole_png(bytes),
        "image/jpeg" => whole_jpeg(bytes),
        "image/gif" => whole_gif(bytes),
        _ => whole_webp(bytes),
    };
    whole.ok_or_else(|| format!("is cut off: not a whole picture of the type {media_type}"))
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A sequence of chunks, the first and the last of which are known.
fn whole_png(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.get(PNG.len()..)?;
    let (mut is_first, mut has_pixels) = (true, false);
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let after = rest.get(length.checked_add(12)?..)?;
        let kind = rest.get(4..8)?;
        if is_first != (kind == b"IHDR") {
            return None;
        }
        is_first = false;
        match kind {
            b"IDAT" => has_pixels = true,
            b"IEND" => return has_pixels.then_some(()),
            _ => {}
        }
        rest = after;
    }
}

/// Segments up to the pixels, which a marker ends.
fn whole_jpeg(bytes: &[u8]) -> Option<()> {
    const START_OF_SCAN: u8 = 0xDA;
    const END: [u8; 2] = [0xFF, 0xD9];
    let mut rest = bytes.get(2..)?;
    loop {
        let [0xFF, marker, after @ ..] = rest else { return None };
        match *marker {
            // Padding in front of a marker, and markers without a segment.
            0xFF => rest = rest.get(1..)?,
            0x01 | 0xD0..=0xD7 => rest = after,
            START_OF_SCAN => return after.windows(2).any(|pair| pair == END).then_some(()),
            _ => {
                let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                rest = after.get(length.max(2)..)?;
            }
        }
    }
}

/// Blocks, at least one of which is an image, up to the one that ends them.
fn whole_gif(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.get(13 + colour_table(*bytes.get(10)?)..)?;
    let mut has_image = false;
    loop {
        match *rest.first()? {
            b'!' => rest = after_sub_blocks(rest.get(2..)?)?,
            b',' => {
                let table = colour_table(*rest.get(9)?);
                rest = after_sub_blocks(rest.get(11 + table..)?)?;
                has_image = true;
            }
            b';' => return has_image.then_some(()),
            _ => return None,
        }
    }
}

/// The size of the colour table that a byte of flags tells.
fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn after_sub_blocks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, after) = rest.split_first()?;
        rest = after.get(usize::from(*length)..)?;
        if *length == 0 {
            return Some(rest);
        }
    }
}

/// A container that tells its length, with a chunk of pixels or of a canvas in it.
fn whole_webp(bytes: &[u8]) -> Option<()> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?)).ok()?;
    let content = bytes.get(12..length.checked_add(8)?)?;
    let chunk = usize::try_from(u32::from_le_bytes(*content.get(4..)?.first_chunk()?)).ok()?;
    content.get(8..chunk.checked_add(8)?)?;
    let is_known = [b"VP8 ", b"VP8L", b"VP8X"].iter().any(|kind| content.starts_with(*kind));
    (is_known && chunk > 0).then_some(())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::{MEDIA_TYPES, check};

    /// One pixel of each type, as image programs write it.
    const SAMPLES: [&str; 4] = [
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4IacBAALAAQ/aQIG5AAAAAElFTkSu\
         QmCC",
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////\
         ////////////////////////////////2wBDAf//////////////////////////////////////////////////\
         ////////////////////////////////////wAARCAABAAEDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAA\
         AAH/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAQL/xAAUEQEAAAAAAAAAAAAAAAAA\
         AAAA/9oADAMBAAIRAxEAPwCABb//2Q==",
        "R0lGODdhAQABAIEAAMgeKAAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw==",
        "UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAdQjyIXpf+BiOh/AAA=",
    ];

    fn samples() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        MEDIA_TYPES.iter().copied().zip(SAMPLES.map(|sample| BASE64_STANDARD.decode(sample).unwrap()))
    }

    #[test]
    fn whole_pictures_pass_also_with_something_behind_them() {
        for (media_type, mut bytes) in samples() {
            assert_eq!(check(media_type, &bytes), Ok(()), "{media_type}");
            bytes.extend(b"behind");
            assert_eq!(check(media_type, &bytes), Ok(()), "{media_type}");
        }
    }

    #[test]
    fn picture_that_is_cut_anywhere_is_refused() {
        for (media_type, bytes) in samples() {
            for length in 0..bytes.len() {
                assert!(check(media_type, &bytes[..length]).is_err(), "{media_type} of {length} bytes");
            }
        }
    }

    #[test]
    fn what_begins_in_another_way_is_no_picture_of_its_type() {
        for (media_type, _) in samples() {
            for (other, bytes) in samples().filter(|(other, _)| *other != media_type) {
                let wrong = check(media_type, &bytes).unwrap_err();
                assert!(wrong.starts_with("does not begin"), "{other} as {media_type}: {wrong}");
            }
            assert!(check(media_type, b"<!doctype html><title>404</title>").is_err());
        }
    }
}
