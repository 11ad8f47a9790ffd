//! The lines of the README, pasted into shells one after the other.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use runner_tests::root;
use runner_tests::server::Server;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longer than all lines together take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The lines that are to be pasted, in order.
fn lines() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// An interactive shell as it comes, without anybody's own settings, that is given the lines.
async fn paste(shell: &Path, lines: &str, server: &Server) -> (String, String) {
    let options: &[&str] = if shell.ends_with("zsh") { &["-f", "-i"] } else { &["--norc", "-i"] };
    let mut command = Command::new(shell);
    command.args(options).current_dir(server.home()).env("HOME", server.home()).env("no_proxy", "127.0.0.1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut shell = command.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    let output =
        tokio::time::timeout(PATIENCE, shell.wait_with_output()).await.expect("the lines end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn lines_of_the_readme_work_when_they_are_pasted_in_order() {
    for shell in ["/bin/bash", "/usr/bin/zsh"].map(Path::new) {
        if !shell.exists() {
            eprintln!("skipped: {} is not installed", shell.display());
            continue;
        }
        let server = Server::start().await;
        std::fs::write(server.workspace().join("main.py"), "def greet():\n    pass\n").unwrap();
        let lines = lines().replace("http://127.0.0.1:8000", &server.url(""));

        let (said, complained) = paste(shell, &lines, &server).await;

        let what = format!("{}:\n{said}\n{complained}", shell.display());
        let expected = [
            "\"type\":\"complete\"",
            "it has `greet`",
            "\"tool_name\": \"Write\"",
            "\"decision\": \"allow\"",
            "\"status\": \"completed\"",
            "+++ b/offline-demo.md",
            "\"type\":\"turn_completed\"",
            "\"valid\": true",
        ];
        let mut rest = said.as_str();
        for part in expected {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part} is not in\n{what}"));
            rest = &rest[at..];
        }
        for complaint in ["not found", "no matches", "parse error", "syntax error", "invalid", "null"] {
            assert!(!complained.contains(complaint), "{complaint}: {what}");
        }
        assert!(server.workspace().join("offline-demo.md").exists(), "{what}");
    }
}
