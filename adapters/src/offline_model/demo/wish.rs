//! What a prompt asks of the demonstration, as far as a few words tell.

/// Kinds of files by their names in prompts, with the ends of their own names.
const KINDS: &[(&str, &str)] = &[
    ("python", "py"),
    ("rust", "rs"),
    ("typescript", "ts"),
    ("javascript", "js"),
    ("markdown", "md"),
    ("java", "java"),
    ("ruby", "rb"),
    ("html", "html"),
    ("css", "css"),
    ("json", "json"),
    ("toml", "toml"),
    ("yaml", "yaml"),
];

/// Words that ask for something to be written.
const WRITING: &[&str] = &["write", "note", "写", "记录"];

/// What the demonstration looks for, reads and writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The file that is named.
    pub(super) file: Option<String>,
    /// The end of the names of the files that are asked for.
    pub(super) extension: Option<String>,
    pub(super) writes: bool,
}

impl Wish {
    pub(super) fn of(prompt: &str) -> Self {
        let lower = prompt.to_lowercase();
        let words = || prompt.split(|c: char| !(c.is_ascii_alphanumeric() || "._-/*".contains(c)));
        let words = || words().map(|word| word.trim_end_matches('.'));
        let pattern = words().find_map(|word| word.strip_prefix("*.")).filter(|rest| is_extension(rest));
        let named = KINDS.iter().find(|(name, _)| {
            let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| word == *name)
        });
        Self {
            file: words().find(|word| is_file_name(word)).map(str::to_owned),
            extension: pattern.or(named.map(|(_, extension)| *extension)).map(str::to_owned),
            writes: WRITING.iter().any(|word| lower.contains(word)),
        }
    }
}

fn is_file_name(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    !word.contains('*')
        && !word.split('/').any(|part| part == "..")
        && name.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && is_extension(extension))
}

fn is_extension(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn few_words_tell_what_is_asked_for() {
        for (prompt, file, extension, writes) in [
            ("阅读 main.py 并总结其功能", Some("main.py"), None, false),
            ("列出所有 Python 文件", None, Some("py"), false),
            ("Read src/lib.rs, please.", Some("src/lib.rs"), None, false),
            ("List *.tsx here", None, Some("tsx"), false),
            ("Which JavaScript files are there?", None, Some("js"), false),
            ("Write a note about this folder.", None, None, true),
            ("写一份说明", None, None, true),
            ("What is in this folder? Version 1.5 of ../../secret.txt", None, None, false),
        ] {
            let (file, extension) = (file.map(str::to_owned), extension.map(str::to_owned));

            assert_eq!(Wish::of(prompt), Wish { file, extension, writes }, "{prompt}");
        }
    }
}
