//! Which folders an agent may work in, which depends on whose it is: the first team, the operators', works
//! below any of `ALLOWED_ROOTS`, every other one below its own folder, which lies in one of them.

use std::path::{Component, Path, PathBuf};

use actix_web::http::StatusCode;
use runner_actors::{RunnerError, Tenants};
use runner_core::allowed_folders::AllowedFolders;
use runner_core::people::principal::Principal;
use thiserror::Error;

use crate::http::error::{ApiError, Problem};

/// The folders of this server.
#[derive(Clone, Debug)]
pub(crate) struct WorkingFolders {
    pub(crate) all: OfferedFolders,
    pub(crate) tenants: Tenants,
}

impl WorkingFolders {
    /// The folders in which the caller may work.
    pub(crate) async fn of(&self, caller: &Principal) -> Result<OfferedFolders, RunnerError> {
        Ok(match self.tenants.folder(&caller.tenant).await? {
            Some(folder) => self.all.within(folder),
            None => self.all.clone(),
        })
    }

    /// The folder of the caller's team, where it has one.
    pub(crate) async fn team_folder(&self, caller: &Principal) -> Result<Option<PathBuf>, RunnerError> {
        Ok(self.tenants.folder(&caller.tenant).await?)
    }

    /// Whether somebody can go on in a folder that was resolved before: by now its name may lead elsewhere.
    pub(crate) async fn check(&self, caller: &Principal, resolved: &str) -> Result<(), ApiError> {
        Ok(self.of(caller).await?.check(resolved)?)
    }
}

/// The folders that are offered to somebody.
#[derive(Clone, Debug)]
pub(crate) struct OfferedFolders {
    /// Meant where none is named.
    pub(crate) default: PathBuf,
    pub(crate) allowed: AllowedFolders,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum FolderRefusal {
    #[error("the folder is not below one in which you may work")]
    NotAllowed,
    #[error("the folder does not exist")]
    Missing,
}

impl FolderRefusal {
    pub(crate) fn problem(&self, pointer: &str) -> Problem {
        match self {
            Self::NotAllowed => Problem::field("working_dir_not_allowed", pointer, self.to_string())
                .with_status(StatusCode::FORBIDDEN),
            Self::Missing => Problem::field("working_dir_missing", pointer, self.to_string()),
        }
    }
}

impl OfferedFolders {
    fn within(&self, folder: PathBuf) -> Self {
        Self { allowed: self.allowed.within(Some(&folder)), default: folder }
    }

    /// Resolves a folder as a client names it. Links out of an allowed root are refused, and outside of
    /// the roots nobody learns what exists.
    pub(crate) fn resolve(&self, named: &str) -> Result<PathBuf, FolderRefusal> {
        if named.chars().any(char::is_control) || named.is_empty() {
            return Err(FolderRefusal::Missing);
        }
        let path = normalize(&self.default.join(named));
        match path.canonicalize() {
            Ok(resolved) if !self.allowed.contain(&resolved) => Err(FolderRefusal::NotAllowed),
            Ok(resolved) if resolved.is_dir() => Ok(resolved),
            Ok(_) => Err(FolderRefusal::Missing),
            Err(_) if self.allowed.contain(&existing_part(&path)) => Err(FolderRefusal::Missing),
            Err(_) => Err(FolderRefusal::NotAllowed),
        }
    }

    /// Whether work can go on in a folder that was resolved before: by now its name may lead elsewhere, and
    /// then it is not that folder, wherever it leads.
    pub(crate) fn check(&self, resolved: &str) -> Result<(), Problem> {
        let is_same = |path: PathBuf| path == Path::new(resolved);
        match self.resolve(resolved).map(is_same) {
            Ok(true) => Ok(()),
            Ok(false) => Err(FolderRefusal::NotAllowed.problem("/working_dir")),
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

    use runner_core::allowed_folders::AllowedFolders;

    use super::{FolderRefusal, OfferedFolders};

    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn scratch() -> (Scratch, OfferedFolders) {
        let folder = std::env::temp_dir().join(format!("workspaces-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(folder.join("root/inside")).unwrap();
        fs::create_dir_all(folder.join("outside")).unwrap();
        fs::create_dir_all(folder.join("root/data")).unwrap();
        fs::write(folder.join("root/file"), "").unwrap();
        std::os::unix::fs::symlink(folder.join("outside"), folder.join("root/link")).unwrap();
        let root = folder.join("root").canonicalize().unwrap();
        (
            Scratch(folder),
            OfferedFolders {
                default: root.clone(),
                allowed: AllowedFolders {
                    roots: vec![root.clone()],
                    except: vec![root.join("data")],
                    within: None,
                },
            },
        )
    }

    #[test]
    fn folders_below_a_root_are_resolved() {
        let (_scratch, offered) = scratch();

        assert_eq!(offered.resolve("inside/../inside"), Ok(offered.default.join("inside")));
    }

    #[test]
    fn ways_out_of_the_root_are_refused() {
        let (_scratch, offered) = scratch();

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
            assert_eq!(offered.resolve(named), Err(FolderRefusal::NotAllowed), "{named}");
        }
    }

    #[test]
    fn a_team_gets_nowhere_but_below_its_own_folder_and_learns_of_nothing_else() {
        let (scratch, offered) = scratch();
        for name in ["team/own", "other/secret"] {
            fs::create_dir_all(scratch.0.join("root").join(name)).unwrap();
        }
        std::os::unix::fs::symlink("../other", scratch.0.join("root/team/link")).unwrap();
        let root = &offered.default;
        let team = offered.within(root.join("team"));

        assert_eq!(team.resolve("own"), Ok(root.join("team/own")));
        assert_eq!(team.resolve("."), Ok(root.join("team")));
        assert_eq!(team.resolve("absent"), Err(FolderRefusal::Missing));
        let others =
            ["../other", "../other/secret", "../other/absent", "..", "link", "link/secret", "link/no"];
        for named in others.into_iter().map(str::to_owned).chain([root.display().to_string()]) {
            assert_eq!(team.resolve(&named), Err(FolderRefusal::NotAllowed), "{named}");
        }
        assert_eq!(
            team.check(root.join("other").to_str().unwrap()).unwrap_err().code,
            "working_dir_not_allowed"
        );
    }

    #[test]
    fn a_team_whose_folder_is_no_longer_allowed_gets_nowhere() {
        let (scratch, offered) = scratch();

        let team = offered.within(scratch.0.join("outside"));

        assert_eq!(team.resolve("."), Err(FolderRefusal::NotAllowed));
    }

    #[test]
    fn what_became_a_link_is_not_gone_on_in_wherever_that_leads() {
        let (scratch, offered) = scratch();
        let inside = offered.default.join("inside");
        assert!(offered.check(inside.to_str().unwrap()).is_ok());

        fs::remove_dir(&inside).unwrap();
        std::os::unix::fs::symlink(".", &inside).unwrap();

        assert_eq!(offered.check(inside.to_str().unwrap()).unwrap_err().code, "working_dir_not_allowed");
        drop(scratch);
    }

    #[test]
    fn what_is_no_folder_is_missing() {
        let (_scratch, offered) = scratch();

        for named in ["nowhere", "file", "in\0side", "in\nside", "inside\n", ""] {
            assert_eq!(offered.resolve(named), Err(FolderRefusal::Missing), "{named}");
        }
    }
}
