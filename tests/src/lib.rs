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

/// The `claude` program: `CLAUDE_BIN`, else what `make` has installed, else the search path's.
#[expect(clippy::disallowed_methods, reason = "where the suite's programs are is told from outside")]
pub fn claude() -> PathBuf {
    if let Ok(path) = std::env::var("CLAUDE_BIN") {
        return std::path::absolute(path).unwrap();
    }
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let installed = root().join(".agent/node_modules/.bin");
    let folders = [installed].into_iter().chain(std::env::split_paths(&search_path).collect::<Vec<_>>());
    let mut candidates = folders.map(|folder| folder.join("claude"));
    candidates.find(|path| path.exists()).expect("claude is not installed: run `make claude`")
}

/// The newest `claude` program that this server is made for: `NEWEST_CLAUDE_BIN`, else what `make` has
/// installed.
#[expect(clippy::disallowed_methods, reason = "where the suite's programs are is told from outside")]
pub fn newest_claude() -> PathBuf {
    if let Ok(path) = std::env::var("NEWEST_CLAUDE_BIN") {
        return std::path::absolute(path).unwrap();
    }
    let installed = std::fs::read_dir(root().join(".agent")).into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = installed
        .map(|entry| entry.path().join("node_modules/.bin/claude"))
        .filter(|path| path.exists())
        .collect();
    programs.sort();
    programs.pop().expect("the newest claude is not installed: run `make newest-claude`")
}

/// Both versions of the program: the one that the suite runs on, and the newest.
pub fn claudes() -> [PathBuf; 2] {
    [claude(), newest_claude()]
}

/// A prompt that tells the offline model what to do.
pub fn script(prompt: &str, replies: &Value) -> String {
    format!("{prompt}\n```offline\n{replies}\n```")
}
