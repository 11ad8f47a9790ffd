//! Plugins of Claude Code: folders with skills, commands, agents and hooks of somebody else's.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{BundledFile, FileBundle, FileSet};

/// The file that makes a folder a plugin.
pub const MANIFEST: &str = ".claude-plugin/plugin.json";

/// A plugin as it was installed. Its files are pinned by their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub brings: PluginContents,
    pub files: FileSet,
}

/// What a plugin brings, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PluginContents {
    pub skills: Vec<String>,
    pub commands: Vec<String>,
    pub agents: Vec<String>,
    /// The events on which it runs something, without asking anybody.
    pub hooks: Vec<String>,
    /// Not started: agents get MCP servers from `/api/mcp/servers` only.
    pub mcp_servers: Vec<String>,
}

impl Plugin {
    /// A plugin by its files, with the name that its manifest gives it; why it is none otherwise.
    pub fn read(files: &FileBundle) -> Result<(String, Self), String> {
        let manifest = files.find(MANIFEST).ok_or_else(|| format!("it has no {MANIFEST}"))?;
        let manifest = object(manifest).ok_or_else(|| format!("{MANIFEST} is no JSON object"))?;
        let text = |name: &str| manifest.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").ok_or_else(|| format!("{MANIFEST} has no `name`"))?;
        let plugin = Self {
            plugin_version: text("version"),
            description: text("description"),
            brings: PluginContents::of(files, &manifest),
            files: files.set(),
        };
        Ok((name, plugin))
    }
}

impl PluginContents {
    fn of(files: &FileBundle, manifest: &Map<String, Value>) -> Self {
        let mut contents = Self {
            skills: skills(files, "skills"),
            commands: documents(files, "commands"),
            agents: documents(files, "agents"),
            hooks: names(files, "hooks/hooks.json", "hooks"),
            mcp_servers: names(files, ".mcp.json", "mcpServers"),
        };
        for (field, found) in [
            ("skills", &mut contents.skills),
            ("commands", &mut contents.commands),
            ("agents", &mut contents.agents),
            ("hooks", &mut contents.hooks),
            ("mcpServers", &mut contents.mcp_servers),
        ] {
            let named = manifest
                .get(field)
                .map_or(&[][..], |value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
            for value in named {
                found.extend(declared(files, field, value));
            }
            found.sort();
            found.dedup();
        }
        contents
    }
}

/// What a manifest names in place of, or beside, the usual files.
fn declared(files: &FileBundle, field: &str, value: &Value) -> Vec<String> {
    let path = value.as_str().map(|path| path.trim_start_matches("./").trim_end_matches('/'));
    match (field, path, value) {
        ("hooks" | "mcpServers", Some(path), _) => names(files, path, field),
        ("skills", Some(path), _) => skills(files, path),
        (_, Some(path), _) if files.find(path).is_some() => vec![stem(path).to_owned()],
        (_, Some(path), _) => documents(files, path),
        (_, None, Value::Object(inline)) => {
            let inner = inline.get(field).and_then(Value::as_object).unwrap_or(inline);
            inner.keys().cloned().collect()
        }
        (_, None, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            vec![]
        }
    }
}

/// The keys of an object in a file of JSON, which may stand there alone.
fn names(files: &FileBundle, path: &str, field: &str) -> Vec<String> {
    let Some(file) = files.find(path).and_then(object) else { return vec![] };
    let named = file.get(field).and_then(Value::as_object).unwrap_or(&file);
    named.keys().cloned().collect()
}

fn object(file: &BundledFile) -> Option<Map<String, Value>> {
    serde_json::from_slice(&file.bytes).ok()
}

fn skills(files: &FileBundle, folder: &str) -> Vec<String> {
    let folders = files.iter().filter_map(|(path, _)| path.strip_prefix(folder)?.strip_suffix("/SKILL.md"));
    folders.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect()
}

fn documents(files: &FileBundle, folder: &str) -> Vec<String> {
    let below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let documents = files.iter().map(|(path, _)| path).filter(|path| below(path) && path.ends_with(".md"));
    documents.map(|path| stem(path).to_owned()).collect()
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".md").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MANIFEST, Plugin, PluginContents};
    use crate::setup::extension::definition::Definition;
    use crate::setup::extension::files::{BundledFile, FileBundle};

    #[test]
    fn a_plugin_says_what_it_brings() {
        let files = files(&[
            (
                MANIFEST,
                r#"{ "name": "kit", "version": "1.2.0", "agents": "./more/helper.md",
                "mcpServers": { "inline": {} } }"#,
            ),
            ("skills/greet/SKILL.md", ""),
            ("skills/greet/extra.md", ""),
            ("commands/ship.md", ""),
            ("agents/critic.md", ""),
            ("more/helper.md", ""),
            ("hooks/hooks.json", r#"{ "hooks": { "PostToolUse": [], "Stop": [] } }"#),
            (".mcp.json", r#"{ "mcpServers": { "files": {} } }"#),
        ]);

        let (name, plugin) = Plugin::read(&files).unwrap();

        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!((name.as_str(), plugin.plugin_version.as_deref()), ("kit", Some("1.2.0")));
        assert_eq!(
            plugin.brings,
            PluginContents {
                skills: own(&["greet"]),
                commands: own(&["ship"]),
                agents: own(&["critic", "helper"]),
                hooks: own(&["PostToolUse", "Stop"]),
                mcp_servers: own(&["files", "inline"]),
            }
        );
    }

    #[test]
    fn what_is_no_plugin_says_why() {
        for (manifest, why) in [("[]", "JSON object"), ("{", "JSON object"), ("{}", "`name`")] {
            let refused = Plugin::read(&files(&[(MANIFEST, manifest)])).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(Plugin::read(&FileBundle::default()).unwrap_err().contains(MANIFEST));
    }

    #[test]
    fn a_plugin_is_stored_like_this_for_ever() {
        let (_, plugin) = Plugin::read(&files(&[(MANIFEST, r#"{"name":"kit"}"#)])).unwrap();
        let digest = plugin.files.digest;
        let stored = json!({
            "kind": "plugin",
            "brings": { "skills": [], "commands": [], "agents": [], "hooks": [], "mcp_servers": [] },
            "files": { "digest": digest, "files": [{ "path": MANIFEST, "bytes": 14 }] },
        });

        assert_eq!(serde_json::to_value(Definition::Plugin(plugin.clone())).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Definition>(stored).unwrap(), Definition::Plugin(plugin));
    }

    fn files(texts: &[(&str, &str)]) -> FileBundle {
        let mut files = FileBundle::default();
        for (path, text) in texts {
            files.insert(path, BundledFile::new(text.as_bytes().to_vec(), None)).unwrap();
        }
        files
    }
}
