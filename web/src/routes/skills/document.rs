//! `SKILL.md`: what stands in front matter, and the instruction below it.

use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::ScanError;

/// More than names and descriptions need.
const MAX_FRONT_MATTER_BYTES: usize = 16 * 1024;

/// A skill as its document tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::routes) struct SkillDocument {
    pub(in crate::routes) name: Option<String>,
    pub(in crate::routes) description: Option<String>,
    pub(super) instruction: String,
    /// The fields of its front matter that are not taken: rights to use tools unasked, hooks, and the like.
    pub(super) ignored: Vec<String>,
}

impl SkillDocument {
    /// Why it is none, where it is not.
    pub(in crate::routes) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let (front_matter, instruction) = match text.strip_prefix("---\n") {
            None => ("", text.as_str()),
            Some(rest) => split(rest).ok_or("its front matter does not end with `---`")?,
        };
        if front_matter.len() > MAX_FRONT_MATTER_BYTES {
            return Err(format!("its front matter has more than {MAX_FRONT_MATTER_BYTES} bytes"));
        }
        let mut document = Self { instruction: instruction.trim().to_owned(), ..Self::default() };
        let fields = fields(front_matter).map_err(|error| format!("its front matter is no YAML: {error}"))?;
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("name", Some(value)) => document.name = Some(value),
                ("description", Some(value)) => document.description = Some(value.trim().to_owned()),
                (_, Some(_) | None) => document.ignored.push(name),
            }
        }
        Ok(document)
    }
}

/// What stands before the line that ends the front matter, and after it.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&text[..start], &text[start + line.len()..]));
        }
        start += line.len();
    }
    None
}

/// The fields of a mapping; without a value where that is more than a scalar.
///
/// Event by event: nothing goes as deep as the text does, and no alias is followed.
fn fields(text: &str) -> Result<Vec<(String, Option<String>)>, ScanError> {
    let mut parser = Parser::new_from_str(text);
    let mut fields = vec![];
    let (mut depth, mut key) = (0_usize, None);
    loop {
        let (event, _) = parser.next_token()?;
        let ended = match event {
            Event::StreamEnd => return Ok(fields),
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                depth += 1;
                None
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                Some(None)
            }
            Event::Scalar(text, ..) => Some(Some(text)),
            Event::Alias(_) => Some(None),
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => None,
        };
        // A node of the mapping itself has ended: a key, or the value of the last one.
        if let (1, Some(scalar)) = (depth, ended) {
            key = match key.take() {
                None => Some(scalar.unwrap_or_default()),
                Some(key) => {
                    fields.push((key, scalar));
                    None
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SkillDocument;

    #[test]
    fn names_and_descriptions_are_read_however_they_are_written() {
        for description in
            ["plain: no", "\"in \\\"quotes\\\"\"", "'it''s'", ">-\n  folded\n  lines", "|\n  kept\n  lines"]
        {
            let text = format!("---\r\nname: look\ndescription: {description}\n---\n\nDo it.\n---\nstill\n");
            let read = SkillDocument::read(&text);
            if description == "plain: no" {
                assert!(read.unwrap_err().contains("no YAML"));
                continue;
            }
            let document = read.unwrap();
            assert_eq!(document.name.as_deref(), Some("look"));
            let expected = ["in \"quotes\"", "it's", "folded lines", "kept\nlines"];
            assert!(expected.contains(&document.description.as_deref().unwrap()), "{document:?}");
            assert_eq!(document.instruction, "Do it.\n---\nstill");
        }
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let text = "---\nname: look\nallowed-tools: [Bash, {deep: [er]}]\nhooks:\n  Stop: []\ndescription: d\nmodel: opus\n---\n";

        let document = SkillDocument::read(text).unwrap();

        assert_eq!(document.ignored, ["allowed-tools", "hooks", "model"]);
        assert_eq!(document.description.as_deref(), Some("d"));
    }

    #[test]
    fn hostile_front_matter_ends_quickly() {
        let nested = format!("---\na: {}\n---\n", "[".repeat(9000));
        let deep = format!("---\n{}x\n---\n", "- ".repeat(8000));
        let aliases = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nd: *b\n---\n";

        assert!(SkillDocument::read(&nested).is_err());
        SkillDocument::read(&deep).ok();
        assert_eq!(SkillDocument::read(aliases).unwrap().ignored, ["a", "b", "c", "d"]);
        assert!(
            SkillDocument::read(&format!("---\n{}\n---\n", "#".repeat(20_000)))
                .unwrap_err()
                .contains("bytes")
        );
        assert!(SkillDocument::read("---\nname: x\n").is_err());
        assert_eq!(SkillDocument::read("Just do it.").unwrap().instruction, "Just do it.");
    }
}
