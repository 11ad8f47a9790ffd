//! Text that occurs anywhere, as a pattern of `LIKE`.

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['%', '_', '\\'])
}

/// A pattern for text that occurs anywhere, its own wildcards taken literally.
pub(super) fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if has_wildcard(character.encode_utf8(&mut [0; 4])) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
