//! The folders in which the agent keeps its conversations, one for each folder in which it worked.

/// A longer name ends in a hash that only Claude Code knows.
const MAX_NAME_CHARS: usize = 200;

/// The folder for a working folder, below the configuration folder, where its name can be told.
pub(crate) fn project(working_dir: &str) -> Option<String> {
    let name = name(working_dir);
    (name.len() <= MAX_NAME_CHARS).then(|| format!("projects/{name}"))
}

/// The path of a file of another working folder in the folder for this one.
pub(super) fn in_project(project: &str, path: &str) -> String {
    match path.strip_prefix("projects/").and_then(|path| path.split_once('/')) {
        Some((_, path)) => format!("{project}/{path}"),
        None => path.to_owned(),
    }
}

/// Claude Code, in JavaScript, replaces units of UTF-16.
fn name(working_dir: &str) -> String {
    let kept = |unit| u8::try_from(unit).ok().filter(u8::is_ascii_alphanumeric);
    working_dir.encode_utf16().map(|unit| kept(unit).map_or('-', char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::{in_project, project};

    #[test]
    fn name_has_a_dash_for_whatever_is_no_letter_or_digit() {
        assert_eq!(project("/srv/my_app.v2").as_deref(), Some("projects/-srv-my-app-v2"));
        assert_eq!(project("/srv/é😀").as_deref(), Some("projects/-srv----"));
        assert_eq!(project(&"x".repeat(201)), None);
    }

    #[test]
    fn only_conversations_belong_to_a_project() {
        let moved = |path| in_project("projects/-new", path);

        assert_eq!(moved("projects/-old/a/tool-results/b.txt"), "projects/-new/a/tool-results/b.txt");
        assert_eq!(moved("plans/a.md"), "plans/a.md");
    }
}
