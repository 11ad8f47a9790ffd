//! The plugins that an agent loads: those that people installed, and one of this server with all skills.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use runner_core::setup::extension::active::ActiveExtensions;
use runner_core::setup::extension::files::FileBundle;
use runner_core::setup::extension::plugin::MANIFEST;
use serde_json::json;

const PLUGINS: &str = "plugins";

/// The plugin that holds the skills: `/runner:code-review`. No other one is called so.
const OWN: &str = "runner";

/// Writes all of them below the folder of a process.
pub(super) fn write(folder: &Path, extensions: &ActiveExtensions) -> io::Result<()> {
    let plugins = folder.join(PLUGINS);
    let own = plugins.join(OWN);
    for (extension, skill) in extensions.skills() {
        let manifest = own.join(MANIFEST);
        if !manifest.exists() {
            let content = json!({ "name": OWN, "description": "Skills of Claude Code Runner" });
            write_file(&manifest, content.to_string().as_bytes(), Mode::Text)?;
        }
        let skill_folder = own.join("skills").join(&extension.name);
        let document = skill.document(&extension.name);
        write_file(&skill_folder.join("SKILL.md"), document.as_bytes(), Mode::Text)?;
        extensions.files(extension).map_or(Ok(()), |files| write_all(&skill_folder, files))?;
    }
    for (extension, _) in extensions.plugins() {
        let plugin_folder = plugins.join(&extension.name);
        extensions.files(extension).map_or(Ok(()), |files| write_all(&plugin_folder, files))?;
    }
    Ok(())
}

/// The arguments that name them.
pub(super) fn arguments(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder.join(PLUGINS)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders.into_iter().map(|folder| format!("--plugin-dir={}", folder.display()))
}

#[derive(Clone, Copy)]
enum Mode {
    Text,
    Program,
}

fn write_all(folder: &Path, files: &FileBundle) -> io::Result<()> {
    for (path, file) in files.iter() {
        let mode = if file.is_executable { Mode::Program } else { Mode::Text };
        write_file(&folder.join(path), &file.bytes, mode)?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mode = match mode {
        Mode::Text => 0o600,
        Mode::Program => 0o700,
    };
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use runner_core::ids::ExtensionId;
    use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
    use runner_core::setup::extension::definition::Definition;
    use runner_core::setup::extension::files::{BundledFile, FileBundle};
    use runner_core::setup::extension::plugin::{MANIFEST, Plugin};
    use runner_core::setup::extension::secrets::SecretValues;
    use runner_core::setup::extension::skill::{Skill, SkillCategory};
    use uuid::Uuid;

    use super::{arguments, write};
    use crate::claude::tests::ScratchFolder;

    #[test]
    fn skills_are_in_one_plugin_and_each_plugin_in_its_own_folder() {
        let folder = ScratchFolder::new();
        let (script, manifest) = (files("run.sh", "#!/bin/sh\n"), files(MANIFEST, r#"{"name":"kit"}"#));
        let skill = Skill {
            description: "Looks.".into(),
            instruction: "Look.".into(),
            category: SkillCategory::Code,
            files: Some(script.set()),
        };
        let (_, plugin) = Plugin::read(&manifest).unwrap();
        let extensions = ActiveExtensions::new(vec![
            active(1, "look", Definition::Skill(skill)),
            active(2, "kit", Definition::Plugin(plugin)),
        ]);
        let contents = BTreeMap::from([(id(1), Arc::new(script)), (id(2), Arc::new(manifest))]);

        write(folder.path(), &extensions.with_files(contents)).unwrap();

        let plugins = folder.path().join("plugins");
        let own = plugins.join("runner");
        assert!(own.join(MANIFEST).exists() && plugins.join("kit").join(MANIFEST).exists());
        let document = std::fs::read_to_string(own.join("skills/look/SKILL.md")).unwrap();
        assert_eq!(document, "---\nname: look\ndescription: \"Looks.\"\n---\n\nLook.\n");
        let mode = |path| own.join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("skills/look/run.sh"), mode("skills/look/SKILL.md")), (0o700, 0o600));
        let named: Vec<String> = arguments(folder.path()).collect();
        assert_eq!(
            named,
            ["kit", "runner"].map(|name| format!("--plugin-dir={}", plugins.join(name).display()))
        );
    }

    fn active(number: u128, name: &str, definition: Definition) -> ActiveExtension {
        let (name, secrets) = (name.to_owned(), SecretValues::default());
        ActiveExtension { id: id(number), name, version: 1, definition, secrets }
    }

    fn id(number: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(number))
    }

    fn files(path: &str, text: &str) -> FileBundle {
        let mut files = FileBundle::default();
        files.insert(path, BundledFile::new(text.as_bytes().to_vec(), None)).unwrap();
        files
    }
}
