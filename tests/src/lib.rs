//! The harness of the end-to-end suite: the real server as a process, the real `claude` behind it, the
//! offline model behind that.
//!
//! A test says in its prompt what the model does ([`script`]), talks to the server over HTTP only, and may
//! kill it. Whatever a server leaves behind is ended when the test is over.
//!
//! Begin with [`server::Server`].

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]
#![expect(missing_debug_implementations, reason = "nothing of the harness is printed")]

pub mod browser;
pub mod commands;
pub mod hostile_folder;
pub mod hostile_site;
pub mod lambda_emulator;
pub mod opened;
pub mod person;
pub mod processes;
pub mod recorder;
pub mod server;
pub mod sse;
pub mod stalled;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository")
}

/// A program that the workspace builds; `cargo build --workspace` makes it.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).expect("tests are built below target").join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace`", path.display());
    path
}

/// The `claude` program that the suite runs on: `CLAUDE_BIN`, else the newest that `make` has installed.
#[expect(clippy::disallowed_methods, reason = "where the suite's programs are is told from outside")]
pub fn claude() -> PathBuf {
    match std::env::var("CLAUDE_BIN") {
        Ok(path) => std::path::absolute(path).unwrap(),
        Err(_) => installed().pop().expect("claude is not installed: run `make claude`"),
    }
}

/// The oldest `claude` program that this server is made for: `OLDER_CLAUDE_BIN`, else the oldest that `make`
/// has installed.
#[expect(clippy::disallowed_methods, reason = "where the suite's programs are is told from outside")]
pub fn older_claude() -> PathBuf {
    match std::env::var("OLDER_CLAUDE_BIN") {
        Ok(path) => std::path::absolute(path).unwrap(),
        Err(_) => installed().into_iter().next().expect("claude is not installed: run `make older-claude`"),
    }
}

/// The programs that `make` has installed, in the order of their versions.
fn installed() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join(".agent")).into_iter().flatten().flatten();
    let mut versions: Vec<(Vec<u32>, PathBuf)> = folders
        .filter_map(|folder| {
            let version = folder.file_name().into_string().ok()?;
            let version = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            Some((version, folder.path().join("node_modules/.bin/claude")))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    versions.sort();
    versions.into_iter().map(|(_, path)| path).collect()
}

/// Both versions of the program, once each: the oldest, and the one that the suite runs on.
pub fn claudes() -> Vec<PathBuf> {
    let mut both = vec![older_claude(), claude()];
    both.dedup();
    both
}

/// A prompt that tells the offline model what to do.
pub fn script(prompt: &str, replies: &Value) -> String {
    format!("{prompt}\n```offline\n{replies}\n```")
}
