//! The file `.env`. What is wrong with it is told without what is in it: a key with a slip of the finger is
//! still a key, and logs go far.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Reads the file into `variables`; it need not be there.
pub(super) fn read(path: &Path, variables: &mut BTreeMap<String, String>, problems: &mut Vec<String>) {
    let entries = match dotenvy::from_path_iter(path) {
        Ok(entries) => entries,
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return problems.push(problem(path, &error)),
    };
    for entry in entries {
        match entry {
            Ok((name, value)) => drop(variables.insert(name, value)),
            Err(error) => problems.push(problem(path, &error)),
        }
    }
}

fn problem(path: &Path, error: &dotenvy::Error) -> String {
    if let dotenvy::Error::LineParse(text, character) = error {
        let file = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // The message may hold only the part behind the equals sign.
        let numbered = file.lines().zip(1..).find(|(whole, _)| whole.ends_with(line));
        return numbered.map_or_else(
            || ".env: a line cannot be read".to_owned(),
            |(whole, number)| {
                let character = whole.len() - line.len() + character + 1;
                format!(".env: line {number} cannot be read; see character {character}")
            },
        );
    }
    if let dotenvy::Error::Io(error) = error {
        return format!(".env: {error}");
    }
    ".env: cannot be read".to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::read;

    #[test]
    fn line_that_cannot_be_read_is_named_and_not_shown() {
        let file = std::env::temp_dir().join(format!("dotenv-{}", uuid::Uuid::now_v7()));
        std::fs::write(&file, "PORT=1\nANTHROPIC_API_KEY = sk-ant-canary second\nSECRET_KEY='canary\n")
            .unwrap();
        let (mut variables, mut problems) = (BTreeMap::new(), vec![]);

        read(&file, &mut variables, &mut problems);
        std::fs::remove_file(&file).unwrap();

        let said = problems.join("\n");
        assert!(said.starts_with(".env: line 2 cannot be read; see character "), "{said}");
        assert!(!said.contains("canary"), "{said}");
        assert_eq!(variables["PORT"], "1");
    }

    #[test]
    fn file_that_is_not_there_is_no_mistake() {
        let (mut variables, mut problems) = (BTreeMap::new(), vec![]);

        read(std::path::Path::new("/no/such/.env"), &mut variables, &mut problems);

        assert!(problems.is_empty() && variables.is_empty());
    }
}
