//! Which folders an agent may work in.

use std::path::{Component, Path, PathBuf};

use actix_web::http::StatusCode;
use runner_core::folders::AllowedFolders;
use thiserror::Error;

use crate::error::Problem;

/// The folders that are offered.
#[derive(Clone, Debug)]
pub(crate) struct Workspaces {
    pub(crate) default: PathBuf,
    pub(crate) allowed: AllowedFolders,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum WorkspaceError {
    #[error("the folder is not below one that this server allows")]
    NotAllowed,
    #[error("the folder does not exist")]
    Missing,
}

impl WorkspaceError {
    pub(crate) fn problem(&self, pointer: &str) -> Problem {
        match self {
            Self::NotAllowed => Problem::field("working_dir_not_allowed", pointer, self.to_string())
                .with_status(StatusCode::FORBIDDEN),
            Self::Missing => Problem::field("working_dir_missing", pointer, self.to_string()),
        }
    }
}

impl Workspaces {
    /// Resolves a folder as a client names it. Links out of an allowed root are refused, and outside of
    /// the roots nobody learns what exists.
    pub(crate) fn resolve(&self, named: &str) -> Result<PathBuf, WorkspaceError> {
        if named.chars().any(char::is_control) || named.is_empty() {
            return Err(WorkspaceError::Missing);
        }
        let path = normalize(&self.default.join(named));
        match path.canonicalize() {
            Ok(resolved) if !self.allowed.contain(&resolved) => Err(WorkspaceError::NotAllowed),
            Ok(resolved) if resolved.is_dir() => Ok(resolved),
            Ok(_) => Err(WorkspaceError::Missing),
            Err(_) if self.allowed.contain(&existing_part(&path)) => Err(WorkspaceError::Missing),
            Err(_) => Err(WorkspaceError::NotAllowed),
        }
    }

    /// Whether work can go on in a folder that was resolved before: by now its name may lead elsewhere, and
    /// then it is not that folder, wherever it leads.
    pub(crate) fn check(&self, resolved: &str) -> Result<(), Problem> {
        let is_same = |path: PathBuf| path == Path::new(resolved);
        match self.resolve(resolved).map(is_same) {
            Ok(true) => Ok(()),
            Ok(false) => Err(WorkspaceError::NotAllowed.problem("/working_dir")),
            Err(error) => Err(error.problem("/working_dir")),
        }
    }
}

/// The part of a path that exists, with its links followed.
fn existing_part(path: &Path) -> PathBuf {
    path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok()).unwrap_or_default()
}

/// Takes `.` and `..` out without asking the file system.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use runner_core::folders::AllowedFolders;

    use super::{WorkspaceError, Workspaces};

    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn scratch() -> (Scratch, Workspaces) {
        let folder = std::env::temp_dir().join(format!("workspaces-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(folder.join("root/inside")).unwrap();
        fs::create_dir_all(folder.join("outside")).unwrap();
        fs::create_dir_all(folder.join("root/data")).unwrap();
        fs::write(folder.join("root/file"), "").unwrap();
        std::os::unix::fs::symlink(folder.join("outside"), folder.join("root/link")).unwrap();
        let root = folder.join("root").canonicalize().unwrap();
        (
            Scratch(folder),
            Workspaces {
                default: root.clone(),
                allowed: AllowedFolders { roots: vec![root.clone()], except: vec![root.join("data")] },
            },
        )
    }

    #[test]
    fn folders_below_a_root_are_resolved() {
        let (_scratch, workspaces) = scratch();

        assert_eq!(workspaces.resolve("inside/../inside"), Ok(workspaces.default.join("inside")));
    }

    #[test]
    fn ways_out_of_the_root_are_refused() {
        let (_scratch, workspaces) = scratch();

        for named in [
            "..",
            "../outside",
            "/etc",
            "link",
            "link/absent",
            "data",
            "data/agents",
            "link/..//../outside",
            "/no/such",
            "../root-beside",
        ] {
            assert_eq!(workspaces.resolve(named), Err(WorkspaceError::NotAllowed), "{named}");
        }
    }

    #[test]
    fn what_became_a_link_is_not_gone_on_in_wherever_that_leads() {
        let (scratch, workspaces) = scratch();
        let inside = workspaces.default.join("inside");
        assert!(workspaces.check(inside.to_str().unwrap()).is_ok());

        fs::remove_dir(&inside).unwrap();
        std::os::unix::fs::symlink(".", &inside).unwrap();

        assert_eq!(workspaces.check(inside.to_str().unwrap()).unwrap_err().code, "working_dir_not_allowed");
        drop(scratch);
    }

    #[test]
    fn what_is_no_folder_is_missing() {
        let (_scratch, workspaces) = scratch();

        for named in ["nowhere", "file", "in\0side", "in\nside", "inside\n", ""] {
            assert_eq!(workspaces.resolve(named), Err(WorkspaceError::Missing), "{named}");
        }
    }
}
