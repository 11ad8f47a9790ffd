//! The files that the server reads when it starts, kept out of the hands of agents.
//!
//! By default agents work in the folder that the server is started in. What they leave there must not decide
//! about the next start: a `.env` can name the program that is run for `claude`, outside of any sandbox. A
//! sandbox hides such files and keeps their names (`sandbox/mounts/kept.rs` of the adapters), which it can do
//! with what exists, and with what has its name without a link that an agent could turn elsewhere.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::Config;

/// More links than the kernel follows.
const MAX_LINKS: usize = 40;

/// The settings file; in the folder that the server is started in.
pub(super) fn env_file() -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(".env")?)
}

/// Makes sure that the next start is up to the operator alone; refuses what cannot be kept from agents.
pub(super) fn keep(config: &Config) -> anyhow::Result<()> {
    let (roots, env_file) = (&config.allowed_roots, env_file()?);
    let mut named = vec![("DATA_DIR", &config.data_dir), ("DATABASE_URL", &config.database)];
    named.push((".env", &env_file));
    named.extend(config.claude_bin.iter().map(|program| ("CLAUDE_BIN", program)));
    for (name, path) in named {
        if let Some(link) = link_among(path, roots) {
            anyhow::bail!(
                "{name}: `{}` is a link in a folder that agents work in, and they could let it lead elsewhere; \
                 give what it leads to",
                link.display()
            );
        }
    }
    let (data_dir, database) = (resolved(&config.data_dir), resolved(&config.database));
    if is_among(&database, roots) && !database.starts_with(&data_dir) {
        anyhow::bail!(
            "DATABASE_URL: `{}` lies in a folder that agents work in; put it into DATA_DIR, or elsewhere",
            database.display()
        );
    }
    make_env_file(&env_file, roots)
}

/// A file that is there can be hidden from agents; one that is not, an agent could make.
fn make_env_file(path: &Path, roots: &[PathBuf]) -> anyhow::Result<()> {
    if !is_among(path, roots) {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            tracing::info!(
                "made an empty {}, so that no agent makes one with settings of its own",
                path.display()
            );
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // Agents may not write where the server may not.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be made", path.display())),
    }
}

fn is_among(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| path.starts_with(root))
}

/// The first link on the way to a path that lies in one of the roots. What npm installs is shown to agents
/// read-only, with its links.
fn link_among(path: &Path, roots: &[PathBuf]) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let mut above: Vec<&Path> = path.ancestors().collect();
        above.reverse();
        let link = above.into_iter().find(|part| part.is_symlink())?;
        let is_package = link.components().any(|part| part.as_os_str() == "node_modules");
        if is_among(&resolved(link.parent()?), roots) && !is_package {
            return Some(link.to_owned());
        }
        let rest = path.strip_prefix(link).ok()?;
        path = std::path::absolute(link.parent()?.join(link.read_link().ok()?)).ok()?.join(rest);
    }
    None
}

/// Without links, also where only the folder of a file exists.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        folder.and_then(|folder| Some(folder.join(path.file_name()?))).unwrap_or_else(|| path.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::link_among;

    #[test]
    fn links_that_agents_could_turn_elsewhere_are_found() {
        let folder = std::env::temp_dir().join(format!("start-files-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let root = folder.join("root");
        fs::create_dir_all(root.join("data")).unwrap();
        fs::create_dir_all(root.join("node_modules/.bin")).unwrap();
        fs::create_dir_all(folder.join("outside")).unwrap();
        symlink(folder.join("outside"), root.join("link")).unwrap();
        symlink("root", folder.join("alias")).unwrap();
        symlink("../../data", root.join("node_modules/.bin/tool")).unwrap();
        let found = |path: &str| link_among(&folder.join(path), std::slice::from_ref(&root));

        for (path, link) in
            [("root/link", "root/link"), ("root/link/data", "root/link"), ("alias/link/x", "root/link")]
        {
            assert_eq!(found(path), Some(folder.join(link)), "{path}");
        }
        for path in ["root/data", "alias/data", "root/absent/x", "outside", "root/node_modules/.bin/tool"] {
            assert_eq!(found(path), None, "{path}");
        }
        fs::remove_dir_all(folder).ok();
    }
}
