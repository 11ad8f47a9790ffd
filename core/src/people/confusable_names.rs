//! Names that people can tell apart: nothing invisible, and no letters of one script among those of
//! another that look the same (Unicode Technical Standard 39).

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection, skeleton};

/// Letters, marks and symbols that show nothing: joiners, fillers of Hangul, vowels that Khmer does not
/// write, selectors, a Braille pattern without dots. Others that do not show have a category of their own.
const BLANK: [std::ops::RangeInclusive<char>; 9] = [
    '\u{034f}'..='\u{034f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{e0100}'..='\u{e01ef}',
];

/// Whether a text can be the name of something: each character shows, spaces are plain, and each word is
/// of one script, or of such as are written together (Japanese, Korean and Chinese with Latin).
pub fn is_legible(text: &str) -> bool {
    let mut words = text.split(|char: char| !char.is_alphanumeric() && !is_mark(char));
    text.chars().all(shows) && words.all(is_one_writing)
}

/// The same for what others are told people by: only characters that Unicode recommends for names.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.chars().all(shows) && text.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// Whether two names are different and look the same. What is written in ASCII is told apart by who reads
/// it: `rn` is no `m`.
pub(crate) fn look_alike(one: &str, other: &str) -> bool {
    let is_ascii = one.is_ascii() && other.is_ascii();
    !is_ascii && one != other && skeleton(one).eq(skeleton(other))
}

fn is_one_writing(word: &str) -> bool {
    word.is_single_script() || word.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

fn shows(char: char) -> bool {
    let is_hidden = matches!(
        char.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    );
    let is_odd_space = char.general_category() == GeneralCategory::SpaceSeparator && char != ' ';
    !is_hidden && !is_odd_space && !BLANK.iter().any(|blank| blank.contains(&char))
}

fn is_mark(char: char) -> bool {
    matches!(char.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
}

#[cfg(test)]
mod tests {
    use super::{is_identifier, is_legible, look_alike};

    #[test]
    fn names_of_many_languages_are_legible() {
        for text in [
            "CI für Müller",
            "prod-电池 (2)",
            "東京タワー",
            "배포 키",
            "Ελλάδα",
            "Ключ для CI",
            "हिन्दी",
            "مفتاح",
            "deploy 🚀",
            "m² per h",
            "my-api-key",
        ] {
            assert!(is_legible(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_show_is_not_legible() {
        for hidden in [
            '\u{0}',
            '\n',
            '\u{ad}',
            '\u{a0}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let text = format!("na{hidden}me");
            assert!(!is_legible(&text) && !is_identifier(&text), "{hidden:?}");
        }
    }

    #[test]
    fn words_of_two_scripts_are_not_legible() {
        // The first letter is Cyrillic, the last one Greek.
        for text in ["аdmin", "my \u{440}roduction key", "rοοt", "bob-αdmin"] {
            assert!(!is_legible(text), "{text}");
        }
        for text in ["аdmin", "rοοt", "ⅳ", "ª"] {
            assert!(!is_identifier(text), "{text}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_found() {
        assert!(look_alike("асе", "ace"), "Cyrillic and Latin");
        assert!(look_alike("ace", "асе"));
        for (one, other) in [("modem", "modern"), ("ada", "ada"), ("小明", "小红"), ("müller", "muller")]
        {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }
}
