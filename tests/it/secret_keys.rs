//! The key that stored API keys are sealed with: how it is replaced, and what happens with a wrong one.

use runner_tests::server::Server;
use serde_json::json;

use crate::api_keys::Setup;

const OLD: &str = "the-old-secret-key-of-the-operator-0001";
const NEW: &str = "the-new-secret-key-of-the-operator-0002";

#[tokio::test]
async fn the_secret_key_is_rotated_and_the_stored_keys_still_open() {
    let mut setup = Setup::start().await;
    setup.store("main", &setup.key, json!({})).await;
    setup.server.stop().await;
    let file = setup.server.data_dir().join("secret-key");
    let before = std::fs::read(&file).unwrap();

    assert!(rotate(&setup.server, &[]).await.is_empty());

    assert_ne!(std::fs::read(&file).unwrap(), before);
    setup.server.restart().await;
    assert_eq!(setup.task().await["message"], "paid");
}

#[tokio::test]
async fn a_rotation_that_was_cut_off_is_settled_at_the_next_start() {
    let mut setup = Setup::start().await;
    setup.store("main", &setup.key, json!({})).await;
    setup.server.stop().await;
    let [file, next] = ["secret-key", "secret-key.next"].map(|name| setup.server.data_dir().join(name));
    let before = std::fs::read(&file).unwrap();

    // Cut off before anything was sealed with the new key, and after all was.
    std::fs::write(&next, "ab".repeat(32)).unwrap();
    setup.server.restart().await;
    assert_eq!(setup.task().await["message"], "paid");
    setup.server.stop().await;
    assert!(rotate(&setup.server, &[]).await.is_empty());
    std::fs::rename(&file, &next).unwrap();
    std::fs::write(&file, before).unwrap();
    setup.server.restart().await;

    assert_eq!(setup.task().await["message"], "paid");
    assert!(!next.exists());
}

#[tokio::test]
async fn a_secret_key_that_is_set_is_rotated_to_another_that_is_set() {
    let mut setup = Setup::start_with(&[("SECRET_KEY", OLD)]).await;
    setup.store("main", &setup.key, json!({})).await;
    setup.server.stop().await;

    let alone = rotate(&setup.server, &[("SECRET_KEY", OLD)]).await;
    let rotated = rotate(&setup.server, &[("SECRET_KEY", OLD), ("NEW_SECRET_KEY", NEW)]).await;

    assert!(alone.contains("NEW_SECRET_KEY"), "{alone}");
    assert_eq!(rotated, "");
    setup.server.set("SECRET_KEY", NEW);
    setup.server.restart().await;
    assert_eq!(setup.task().await["message"], "paid");
}

#[tokio::test]
async fn the_key_in_the_data_folder_is_rotated_to_one_that_is_set() {
    let mut setup = Setup::start().await;
    setup.store("main", &setup.key, json!({})).await;
    setup.server.stop().await;

    let before = run(&setup.server, &["serve"], &[("SECRET_KEY", NEW), ("PORT", "0")]).await;
    let rotated = rotate(&setup.server, &[("NEW_SECRET_KEY", NEW)]).await;

    assert!(before.contains("or unset it if the key in the data folder was in use"), "{before}");
    assert_eq!(rotated, "");
    setup.server.set("SECRET_KEY", NEW);
    setup.server.restart().await;
    assert_eq!(setup.task().await["message"], "paid");
}

#[tokio::test]
async fn with_another_secret_key_the_server_does_not_start_and_says_what_to_do() {
    let mut setup = Setup::start_with(&[("SECRET_KEY", OLD)]).await;
    setup.store("main", &setup.key, json!({})).await;
    setup.server.stop().await;

    let said = run(&setup.server, &["serve"], &[("SECRET_KEY", NEW), ("PORT", "0")]).await;

    assert!(said.contains("1 stored secrets are sealed with another secret key"), "{said}");
    assert!(!said.contains(NEW) && !said.contains(OLD));
}

/// What was said of a rotation that failed; nothing if it went well.
async fn rotate(server: &Server, settings: &[(&str, &str)]) -> String {
    run(server, &["keys", "rotate"], settings).await
}

/// What a command said that failed.
async fn run(server: &Server, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.args(arguments).env_clear().current_dir(server.workspace()).kill_on_drop(true);
    command
        .env("DATA_DIR", server.data_dir())
        .env("OFFLINE", "true")
        .env("CLAUDE_BIN", runner_tests::claude());
    command.envs(settings.iter().copied());
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), command.output()).await;
    let output = output.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { String::new() } else { said }
}
