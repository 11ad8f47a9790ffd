//! What is shown of the repository around a folder.

use std::fs;
use std::os::unix::fs::symlink;

use runner_core::allowed_folders::AllowedFolders;

use crate::claude::files::git_folders::around;
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::tests::ScratchFolder;

#[test]
fn repository_that_holds_private_things_or_has_no_configuration_to_keep_is_not_written_in() {
    let scratch = ScratchFolder::new();
    let root = scratch.path().canonicalize().unwrap();
    let (git, part) = (root.join(".git"), root.join("part"));
    for folder in [&part, &git.join("hooks")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(git.join("config"), "[core]").unwrap();
    let allowed = AllowedFolders { roots: vec![root.clone()], ..AllowedFolders::default() };
    let folders = [WorkFolder::open(&part, &allowed).unwrap()];
    let shown = || {
        let shown = around(&folders, &allowed, &|_| false);
        shown.into_iter().map(|shown| (shown.folder.real, shown.is_writable)).collect::<Vec<_>>()
    };

    let kept = [(git.join("config"), false), (git.join("hooks"), false), (root.clone(), false)];
    assert_eq!(shown(), [vec![(git.clone(), true)], kept.to_vec()].concat());
    assert!(around(&folders, &allowed, &|path| path == root).is_empty());

    // A worktree may have a configuration of its own, which the agent could make.
    fs::write(git.join("config"), "[extensions]\nworktreeConfig = true").unwrap();
    assert_eq!(shown()[0], (git.clone(), false));

    fs::remove_file(git.join("config")).unwrap();
    symlink("/etc/hostname", git.join("config")).unwrap();
    assert_eq!(shown(), [(git, false), (root, false)]);
}
