//! What is seen of a folder's changes, and what a hostile folder cannot do.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use runner_core::agent::FileChangeKind::{self, Created, Deleted, Modified};
use runner_core::ports::{WorkspaceSight, WorkspaceWatch};
use runner_core::workspace::{Unobserved, UnobservedReason, WorkspaceReport};
use tempfile::TempDir;

use super::{GitWorkspaces, Limits};

/// A git repository as far as looking at it needs one.
struct Repository {
    folder: TempDir,
    data: TempDir,
    limits: Limits,
}

impl Repository {
    fn new() -> Self {
        let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        fs::create_dir_all(folder.path().join(".git/info")).unwrap();
        Self { folder, data, limits: Limits::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn try_look(&self, name: &str) -> Result<Option<Box<dyn WorkspaceSight>>, UnobservedReason> {
        let data_dir = self.data.path().canonicalize().unwrap();
        let workspaces = GitWorkspaces { data_dir, limits: self.limits };
        workspaces.look(&self.path(name).canonicalize().unwrap()).await
    }

    async fn look(&self) -> Box<dyn WorkspaceSight> {
        self.try_look("").await.unwrap().unwrap()
    }

    /// Path in the folder, kind, lines added and removed, and the patch.
    fn told(&self, report: &WorkspaceReport) -> Vec<(String, FileChangeKind, u32, u32, Option<String>)> {
        assert_eq!(report.unobserved, None);
        let root = self.folder.path().canonicalize().unwrap();
        let changes = report.changes.iter().map(|change| {
            let name = Path::new(&change.path).strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            (name, change.kind, change.added, change.removed, change.patch.clone())
        });
        changes.collect()
    }
}

fn names(report: &WorkspaceReport) -> Vec<&str> {
    report.changes.iter().map(|change| change.path.rsplit('/').next().unwrap()).collect()
}

#[tokio::test]
async fn files_that_changed_are_told_with_patches_and_only_once() {
    let repository = Repository::new();
    repository.write("deep/changed", "one\ntwo\n");
    repository.write("gone", "x\n");
    repository.write("same", "y\n");
    let mut sight = repository.look().await;

    repository.write("deep/changed", "one\n2\n");
    repository.write("new", "z\n");
    repository.write("same", "y\n");
    fs::remove_file(repository.path("gone")).unwrap();
    let report = sight.changes().await;

    let changed = "@@ -1,2 +1,2 @@\n one\n-two\n+2\n".to_owned();
    assert_eq!(
        repository.told(&report),
        [
            ("deep/changed".into(), Modified, 1, 1, Some(changed)),
            ("gone".into(), Deleted, 0, 1, Some("@@ -1 +0,0 @@\n-x\n".into())),
            ("new".into(), Created, 1, 0, Some("@@ -0,0 +1 @@\n+z\n".into())),
        ]
    );
    assert_eq!(sight.changes().await, WorkspaceReport::default());
}

#[tokio::test]
async fn change_within_a_tick_that_leaves_size_and_time_as_they_were_is_seen() {
    let repository = Repository::new();
    repository.write("a", "one\n");
    let mut sight = repository.look().await;
    let before = fs::metadata(repository.path("a")).unwrap().modified().unwrap();

    repository.write("a", "two\n");
    fs::File::options().write(true).open(repository.path("a")).unwrap().set_modified(before).unwrap();

    assert_eq!(names(&sight.changes().await), ["a"]);
}

#[tokio::test]
async fn what_git_ignores_is_not_looked_at() {
    let repository = Repository::new();
    repository.write(".gitignore", "/target/\n*.log\n");
    repository.write(".git/info/exclude", "*.local\n");
    repository.write("work/.gitignore", "!kept.log\nnode_modules\n");
    let mut sight = repository.try_look("work").await.unwrap().unwrap();
    let mut whole = repository.look().await;

    for name in ["target/a", "work/b.log", "work/kept.log", "work/c.local", "work/node_modules/d", "work/e"] {
        repository.write(name, "x");
    }
    repository.write("work/.git/config", "[core]\n");

    assert_eq!(names(&sight.changes().await), ["e", "kept.log"]);
    assert_eq!(names(&whole.changes().await), ["e", "kept.log"]);
}

#[tokio::test]
async fn what_a_tool_reported_is_taken_as_known() {
    let repository = Repository::new();
    repository.write(".gitignore", "*.log\n");
    repository.write("a", "one\n");
    let mut sight = repository.look().await;
    for name in ["a", "b", "c", "d.log"] {
        repository.write(name, "by a tool\n");
        let path = repository.path(name).canonicalize().unwrap();
        sight.accept(path.to_str().unwrap()).await;
    }
    sight.accept("/etc/passwd").await;
    sight.accept("not/absolute").await;

    repository.write("b", "by a command\n");
    fs::remove_file(repository.path("c")).unwrap();
    let report = sight.changes().await;

    let patch = "@@ -1 +1 @@\n-by a tool\n+by a command\n".to_owned();
    assert_eq!(
        repository.told(&report),
        [
            ("b".into(), Modified, 1, 1, Some(patch)),
            ("c".into(), Deleted, 0, 1, Some("@@ -1 +0,0 @@\n-by a tool\n".into())),
        ]
    );
}

#[tokio::test]
async fn files_that_are_too_large_are_named_without_a_patch() {
    let mut repository = Repository::new();
    repository.limits.patch_bytes = 60;
    repository.write("large", vec![b'x'; 2 << 20]);
    repository.write("long", "1\n".repeat(30));
    let mut sight = repository.look().await;

    repository.write("large", vec![b'y'; 3 << 20]);
    repository.write("long", "2\n".repeat(30));
    repository.write("short", "z\n");
    let report = sight.changes().await;

    assert_eq!(
        repository.told(&report),
        [
            ("large".into(), Modified, 0, 0, None),
            ("long".into(), Modified, 30, 30, None),
            ("short".into(), Created, 1, 0, Some("@@ -0,0 +1 @@\n+z\n".into())),
        ]
    );
}

#[tokio::test]
async fn what_is_no_text_is_told_as_git_does() {
    let repository = Repository::new();
    repository.write("changed", b"a\0b");
    let mut sight = repository.look().await;

    repository.write("changed", b"a\0c");
    repository.write("new", b"\0");
    let report = sight.changes().await;

    let patches: Vec<_> = report.changes.iter().map(|change| change.patch.clone().unwrap()).collect();
    let changed = "index 20b5be91886d0b6f26dc98a225c0dac05fe2c86e..88f37001cec36655decf891d4244853aaa51a00a\n\
                   GIT binary patch\nliteral 3\n";
    let new = "index 0000000000000000000000000000000000000000..f76dd238ade08917e6712764a16a22005a50573d\n";
    assert!(patches[0].starts_with(changed) && patches[1].starts_with(new), "{patches:?}");
}

#[tokio::test]
async fn a_mode_that_is_another_one_is_told() {
    let repository = Repository::new();
    repository.write("script", "x\n");
    let mut sight = repository.look().await;

    let mut seen = vec![];
    for mode in [0o755, 0o744, 0o644] {
        fs::set_permissions(repository.path("script"), PermissionsExt::from_mode(mode)).unwrap();
        let changes = sight.changes().await.changes;
        seen.extend(changes.into_iter().map(|change| (change.kind, change.patch, change.executable)));
    }

    let told = |executable| (Modified, Some(String::new()), Some(executable));
    assert_eq!(seen, [told(true), told(false)]);
}

#[tokio::test]
async fn nothing_outside_is_read_and_nothing_is_waited_for() {
    let (repository, outside) = (Repository::new(), TempDir::new().unwrap());
    fs::write(outside.path().join("secret"), "secret\n").unwrap();
    symlink("/dev/zero", repository.path(".gitignore")).unwrap();
    repository.write("deep/a", "one\n");
    mkfifo(&repository.path("deep/.gitignore"), Mode::S_IRWXU).unwrap();
    mkfifo(&repository.path(".git/info/exclude"), Mode::S_IRWXU).unwrap();
    repository.write("folder/secret", "mine\n");
    repository.write("file", "mine\n");
    let mut sight = repository.look().await;

    for name in ["folder", "file"] {
        fs::rename(repository.path(name), outside.path().join(format!("moved-{name}"))).unwrap();
    }
    symlink(outside.path(), repository.path("folder")).unwrap();
    symlink(outside.path().join("secret"), repository.path("file")).unwrap();
    mkfifo(&repository.path("pipe"), Mode::S_IRWXU).unwrap();
    for name in ["file", "folder/secret", "pipe"] {
        sight.accept(repository.path(name).to_str().unwrap()).await;
    }
    let report = sight.changes().await;

    assert_eq!(names(&report), ["file", "secret"]);
    assert!(report.changes.iter().all(|change| change.kind == Deleted), "{report:?}");
    assert!(!format!("{report:?}").contains("+secret"));
}

#[tokio::test]
async fn folder_behind_a_link_is_not_looked_at_wherever_in_its_name_that_is() {
    let (repository, other) = (Repository::new(), Repository::new());
    other.write("agents/secret", "theirs");
    let (root, theirs) = (repository.folder.path().canonicalize().unwrap(), other.folder.path());
    symlink(theirs, root.join("parent")).unwrap();
    symlink(theirs.join("agents"), root.join("agents")).unwrap();
    let data_dir = repository.data.path().canonicalize().unwrap();
    let workspaces = GitWorkspaces { data_dir: data_dir.clone(), limits: repository.limits };

    for path in [root.join("parent/agents"), root.join("agents"), data_dir.join("agents")] {
        let refused = workspaces.look(&path).await.map(|_| ());
        assert_eq!(refused, Err(UnobservedReason::Unreadable), "{}", path.display());
    }
}

#[tokio::test]
async fn folders_deeper_than_anybody_needs_are_not_looked_into() {
    let repository = Repository::new();
    let deep: PathBuf = std::iter::repeat_n("a", 1_000).collect();
    fs::create_dir_all(repository.folder.path().join(&deep)).unwrap();

    let refused = repository.try_look("").await.map(|_| ());

    assert_eq!(refused, Err(UnobservedReason::TooManyFiles));
}

#[tokio::test]
async fn own_data_is_not_looked_at() {
    let mut repository = Repository::new();
    repository.data = TempDir::new_in(repository.folder.path()).unwrap();
    let mut sight = repository.look().await;

    fs::write(repository.data.path().join("runner.db"), "x").unwrap();

    assert_eq!(sight.changes().await, WorkspaceReport::default());
}

#[tokio::test]
async fn folder_outside_of_repositories_is_not_looked_at() {
    let repository = Repository::new();
    fs::remove_dir_all(repository.path(".git")).unwrap();

    assert!(repository.try_look("").await.unwrap().is_none());
}

#[tokio::test]
async fn looking_has_limits_and_says_so() {
    let mut repository = Repository::new();
    (0..30).for_each(|number| repository.write(&format!("{number:02}"), "x\n"));
    repository.limits = Limits { files: 29, ..Limits::default() };
    assert_eq!(repository.try_look("").await.err(), Some(UnobservedReason::TooManyFiles));
    repository.limits = Limits { time: Duration::from_nanos(1), ..Limits::default() };
    assert_eq!(repository.try_look("").await.err(), Some(UnobservedReason::TookTooLong));

    repository.limits = Limits { changes: 10, kept_bytes: 10, ..Limits::default() };
    let mut sight = repository.look().await;
    (0..30).for_each(|number| repository.write(&format!("{number:02}"), "yy\n"));
    let report = sight.changes().await;

    let left_out = Unobserved { reason: UnobservedReason::TooManyChanges, files: 20 };
    assert_eq!((report.changes.len(), report.unobserved), (10, Some(left_out)));
    let with_patch = report.changes.iter().filter(|change| change.patch.is_some()).count();
    assert_eq!(with_patch, 5, "five files of two bytes were kept");
}
