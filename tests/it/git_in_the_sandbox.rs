//! Git in sessions that have only a part of a repository: a linked worktree, or a folder within.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use runner_tests::commands::{open, run};
use runner_tests::server::Server;
use serde_json::json;

/// Runs git outside, as a person does.
fn git(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=p", "-c", "user.email=p@example.com"]).args(arguments.split(' '));
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a file at its top and one in a folder.
fn repository(server: &Server) -> std::path::PathBuf {
    let top = server.workspace().join("repository");
    std::fs::create_dir_all(top.join("part")).unwrap();
    git(&top, "init -q -b main");
    std::fs::write(top.join("a.txt"), "a").unwrap();
    std::fs::write(top.join("part/b.txt"), "b").unwrap();
    git(&top, "add .");
    git(&top, "commit -q -m first");
    top
}

const COMMIT: &str = "echo c >c.txt; git add -A && git -c user.name=a -c user.email=a@example.com commit -q -m second; \
                      git status --porcelain; git log --format=%s";

#[tokio::test]
async fn a_linked_worktree_is_committed_in_and_its_repository_keeps_its_configuration() {
    let server = Server::start().await;
    let top = repository(&server);
    git(&top, "worktree add -q -b side ../side");
    let session = open(&server, json!({ "working_dir": "side" })).await;

    assert_eq!(run(&server, &session, COMMIT).await.trim(), "second\nfirst");
    let attempts = "git config user.name evil; echo evil >$(git rev-parse --git-path hooks)/pre-commit; \
                    echo /tmp >$(git rev-parse --git-dir)/commondir; \
                    git -C ../repository/.git symbolic-ref HEAD refs/heads/side; echo tried";
    assert!(run(&server, &session, attempts).await.ends_with("tried"));
    let seen = run(&server, &session, "cat ../repository/a.txt; ls ../repository").await;

    assert_eq!(git(&top, "log --format=%s side"), "second\nfirst");
    assert_eq!(git(&top, "symbolic-ref HEAD"), "refs/heads/main");
    assert!(!std::fs::read_to_string(top.join(".git/config")).unwrap().contains("evil"));
    assert!(!top.join(".git/hooks/pre-commit").exists());
    assert_eq!(git(&server.workspace().join("side"), "status --porcelain"), "");
    assert!(seen.contains("No such file"), "{seen}");
}

#[tokio::test]
async fn a_folder_of_a_repository_is_committed_in_and_the_rest_can_only_be_read() {
    let server = Server::start().await;
    let top = repository(&server);
    let session = open(&server, json!({ "working_dir": "repository/part" })).await;

    assert_eq!(run(&server, &session, COMMIT).await.trim(), "second\nfirst");
    let attempts = "cat ../a.txt; (echo evil >../a.txt) 2>/dev/null; git config user.name evil; \
                    (echo evil >../.git/hooks/pre-commit) 2>/dev/null; echo; echo tried";
    assert!(run(&server, &session, attempts).await.starts_with('a'));

    assert_eq!(git(&top, "status --porcelain"), "");
    assert_eq!(git(&top, "show --format= --name-only HEAD"), "part/c.txt");
    assert!(!std::fs::read_to_string(top.join(".git/config")).unwrap().contains("evil"));
    assert!(!top.join(".git/hooks/pre-commit").exists());
}

#[tokio::test]
async fn nothing_is_shown_because_a_file_says_so() {
    let server = Server::start().await;
    let top = repository(&server);
    git(&top, "worktree add -q -b side ../side");
    let outside = tempfile::tempdir().unwrap();
    git(outside.path(), "init -q -b main");
    std::fs::write(outside.path().join(".git/secret"), "secret").unwrap();
    let own = |name: &str| {
        let folder = server.workspace().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    // A repository outside of the folders in which agents may work; a worktree that its repository does not
    // know; a repository behind a link, and one with a link in it.
    let outer = outside.path().join(".git");
    std::fs::write(own("outer").join(".git"), format!("gitdir: {}", outer.display())).unwrap();
    std::fs::copy(server.workspace().join("side/.git"), own("stolen").join(".git")).unwrap();
    symlink(&outer, own("linked").join(".git")).unwrap();
    let inner = own("inner/part");
    std::fs::create_dir_all(inner.join("../.git/refs")).unwrap();
    std::fs::write(inner.join("../.git/HEAD"), "ref: refs/heads/main").unwrap();
    std::fs::create_dir_all(inner.join("../.git/hooks")).unwrap();
    symlink(outside.path().join(".git/config"), inner.join("../.git/config")).unwrap();
    symlink(&outer, inner.join("../.git/objects")).unwrap();

    for (folder, path) in [
        ("outer", outer.join("secret")),
        ("stolen", top.join(".git/HEAD")),
        ("linked", outer.join("secret")),
        ("linked", ".git/secret".into()),
        ("inner/part", outer.join("secret")),
        ("inner/part", "../.git/objects/secret".into()),
        ("inner/part", "../.git/config".into()),
    ] {
        let session = open(&server, json!({ "working_dir": folder })).await;
        let seen = run(&server, &session, &format!("cat '{}'; git status", path.display())).await;
        assert!(seen.contains("No such file") && !seen.contains("secret\n"), "{folder}: {seen}");
    }
}
