//! What is the server's stays hidden from agents and where it is, also where they work in the folder that
//! holds it, and nothing that they leave there decides about the next start.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Uid;
use reqwest::StatusCode;
use runner_tests::commands::{bash, open, run};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::json;

/// The folder that a server was started in.
fn folder_of(server: &Server) -> PathBuf {
    server.data_dir().parent().unwrap().canonicalize().unwrap()
}

#[tokio::test]
async fn a_folder_that_an_agent_replaced_by_a_link_is_worked_in_by_nobody() {
    let mut server = Server::start_with(&[("WORKING_DIR", ".")]).await;
    let folder = folder_of(&server);
    fs::create_dir(folder.join("q")).unwrap();
    let inner = open(&server, json!({ "working_dir": "q" })).await;
    let beside = open(&server, json!({ "working_dir": "workspace", "add_dirs": ["q"] })).await;
    let outer = open(&server, json!({})).await;

    run(&server, &outer, "rmdir q && ln -s . q").await;
    // Agents that were started before see what was there then.
    server.stop().await;
    server.restart().await;
    let theft = bash("cat q/data/secret-key data/secret-key > stolen; cat ../data/secret-key > ../stolen");
    let prompt = script("Steal.", &json!([theft, { "text": "done" }]));
    let refused = server.post("/api/task", &json!({ "prompt": prompt, "resume": inner })).await;
    let failed = server.post("/api/task", &json!({ "prompt": prompt, "resume": beside })).await;

    assert!(folder.join("q").is_symlink() && folder.join("data/secret-key").exists());
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "working_dir_not_allowed"));
    assert!(failed.body.to_string().contains("not one that agents may work in"), "{}", failed.body);
    assert!(!folder.join("stolen").exists());
}

#[tokio::test]
async fn the_servers_data_and_settings_are_not_seen_in_a_workspace_and_stay_where_they_are() {
    let server = Server::start_with(&[("WORKING_DIR", "."), ("DATA_DIR", "srv/deep/data")]).await;
    let folder = folder_of(&server);
    fs::write(folder.join(".env"), "ANTHROPIC_API_KEY=sk-ant-canary\n").unwrap();
    let session = open(&server, json!({})).await;

    let seen = run(&server, &session, "ls -A srv/deep/data srv/deep/data/agents; cat .env").await;
    let moved = run(
        &server,
        &session,
        "mv srv moved; mv srv/deep srv/moved; mv srv/deep/data moved; mv .env moved; rm -rf .env srv; \
         echo CLAUDE_BIN=/tmp/evil > .env; ls -A",
    )
    .await;

    assert!(seen.contains(&format!("srv/deep/data:\nagents\n\nsrv/deep/data/agents:\n{session}")), "{seen}");
    assert!(seen.contains("Permission denied") && !seen.contains("canary"), "{seen}");
    assert!(moved.contains("Device or resource busy"), "{moved}");
    assert!(fs::read_to_string(folder.join(".env")).unwrap().contains("canary"));
    // Moving file by file gets at what is seen: nothing but the session's own folder.
    assert!(folder.join("srv/deep/data/secret-key").exists(), "{moved}");
    assert!(!folder.join("moved/secret-key").exists() && !folder.join("moved/deep").exists(), "{moved}");
    assert!(folder.join("srv/deep/data/agents").join(&session).exists());
}

#[tokio::test]
async fn an_agent_makes_no_settings_for_the_next_start() {
    let mut server = Server::start_with(&[("WORKING_DIR", ".")]).await;
    let env_file = folder_of(&server).join(".env");
    let evil = "rm -f .env; mkdir .env; echo CLAUDE_BIN=/tmp/evil > .env; echo CLAUDE_BIN=/tmp/evil > data/.env; ls -la .env";
    assert!(server.log().await.contains("made an empty"));
    assert_eq!(env_file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let session = open(&server, json!({})).await;
    run(&server, &session, evil).await;
    assert_eq!(fs::read_to_string(&env_file).unwrap(), "");

    // Also where somebody has removed it meanwhile.
    server.stop().await;
    server.restart().await;
    fs::remove_file(&env_file).unwrap();
    run(&server, &session, evil).await;
    assert_eq!(fs::read_to_string(&env_file).unwrap_or_default(), "");
}

#[tokio::test]
async fn where_everybody_sees_a_folder_what_is_the_servers_is_hidden_in_it() {
    if !Uid::effective().is_root() {
        return; // Nobody else may write there.
    }
    let parent = Path::new("/opt");
    let server = Server::start_below(parent, &[("DATABASE_URL", "sqlite://other.db")]).await;
    let folder = folder_of(&server);
    fs::write(folder.join(".env"), "ANTHROPIC_API_KEY=sk-ant-canary\n").unwrap();
    fs::write(folder.join("shown"), "shown").unwrap();
    let session = open(&server, json!({})).await;

    let seen =
        run(&server, &session, "cd ..; cat .env; cat other.db other.db-wal | wc -c; ls -A data; cat shown")
            .await;

    assert!(!seen.contains("canary") && seen.contains("Permission denied"), "{seen}");
    assert!(seen.contains("\n0\nagents\nshown"), "{seen}");
    assert!(folder.join("other.db").metadata().unwrap().len() > 0);
}

/// Tries to start a server that must not start; returns what it said.
async fn refusal_in(folder: &Path, settings: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.current_dir(folder).env_clear().kill_on_drop(true).env("PATH", "/usr/bin:/bin");
    command.envs([("OFFLINE", "true"), ("PORT", "0")]).envs(settings.iter().copied());
    let refused = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let refused = refused.expect("it does not start").unwrap();
    assert_eq!(refused.status.code(), Some(1));
    String::from_utf8_lossy(&refused.stderr).into_owned()
}

#[tokio::test]
async fn what_cannot_be_kept_from_agents_is_refused_at_the_start() {
    let scratch = tempfile::tempdir().unwrap();
    let names = ["database", "journal", "data", "env"];
    let [database, alias, data, env] = names.map(|name| scratch.path().join(name));
    let outside = scratch.path().join("outside");
    for folder in [&database, &alias, &data, &env, &outside] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join(".env"), "").unwrap();
    symlink(&outside, data.join("data")).unwrap();
    symlink(outside.join(".env"), env.join(".env")).unwrap();
    symlink(&alias, scratch.path().join("link")).unwrap();
    let through_link = format!("sqlite://{}/link/own.db", scratch.path().display());

    for (folder, settings, name) in [
        (&database, ("DATABASE_URL", "sqlite://own.db"), "DATABASE_URL: "),
        (&alias, ("DATABASE_URL", through_link.as_str()), "DATABASE_URL: "),
        (&data, ("HOST", "127.0.0.1"), "DATA_DIR: "),
        (&env, ("HOST", "127.0.0.1"), ".env: "),
    ] {
        let said = refusal_in(folder, &[settings]).await;
        assert!(said.contains(name) && said.contains("a folder that agents work in"), "{said}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "nothing was made behind a link");
}
