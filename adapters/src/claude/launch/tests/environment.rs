//! The variables that an agent is started with.

use std::collections::BTreeMap;

use runner_core::agent::AgentOptions;
use runner_core::ports::AgentSetup;
use tokio::process::Command;

use super::launch::{command, program};
use crate::claude::program::Program;
use crate::claude::tests::{SESSION, ScratchFolder, launch_of, settings, setup_with};
use crate::claude::{Credentials, ModelKind};

#[tokio::test]
async fn environment_is_what_was_chosen_and_nothing_of_the_servers_own() {
    let folder = ScratchFolder::new();
    let program = printing_program(&folder).await;
    let settings = settings(&folder, Credentials::OauthToken { token: "sk-1".into() });
    let launch = launch_of(AgentSetup {
        working_dir: folder.path().to_owned(),
        ..setup_with(AgentOptions::default())
    });

    let environment = environment_of(command(&settings, &program, &launch)).await;

    let config_dir = folder.path().join(SESSION.to_string()).display().to_string();
    let working_dir = folder.path().display().to_string();
    let expected = [
        ("CLAUDE_CODE_DISABLE_CRON", "1"),
        ("CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS", "1"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true"),
        ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"),
        ("CLAUDE_CODE_MAX_RETRIES", "4"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "sk-1"),
        ("CLAUDE_CODE_RESUME_INTERRUPTED_TURN", ""),
        ("CLAUDE_CONFIG_DIR", &config_dir),
        ("CLAUDE_RUNNER_AGENT", "instance/00000000-0000-0000-0000-00000000000a"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_TELEMETRY", "1"),
        ("MCP_TIMEOUT", "60000"),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/bin:/bin"),
        ("PWD", &working_dir),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(environment, BTreeMap::from(expected));
}

#[tokio::test]
async fn variables_of_a_session_are_added_but_what_the_runner_sets_wins() {
    let folder = ScratchFolder::new();
    let program = printing_program(&folder).await;
    let gateway = super::access::gateway().await;
    let base_url = gateway.base_url();
    let settings = settings(&folder, Credentials::Gateway { gateway, upstream: ModelKind::Api });
    let reserved = [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_MAX_RETRIES",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_RUNNER_AGENT",
        "DISABLE_AUTOUPDATER",
        "PWD",
    ];
    let mut env = BTreeMap::from(reserved.map(|name| (name.to_owned(), "evil".to_owned())));
    env.insert("LANG".into(), "de_CH.UTF-8".into());
    env.insert("MY_SETTING".into(), "two words".into());
    let options = AgentOptions { env, ..AgentOptions::default() };
    let launch = launch_of(AgentSetup { working_dir: folder.path().to_owned(), ..setup_with(options) });

    let environment = environment_of(command(&settings, &program, &launch)).await;

    assert_eq!(environment["LANG"], "de_CH.UTF-8");
    assert_eq!(environment["MY_SETTING"], "two words");
    assert_eq!(environment["ANTHROPIC_BASE_URL"], base_url);
    let evil: Vec<_> = environment.iter().filter(|(_, value)| *value == "evil").collect();
    assert!(evil.is_empty(), "{evil:?}");
}

/// A program that takes any argument and prints the environment it was started with. A shell writes it:
/// had this process it open, the fork of another test might keep it open, and it could not be run.
async fn printing_program(folder: &ScratchFolder) -> Program {
    let path = folder.path().join("print-environment");
    let write = r#"printf '#!/bin/sh\nexec cat /proc/$$/environ\n' > "$0" && chmod 700 "$0""#;
    let written = Command::new("/bin/sh").arg("-c").arg(write).arg(&path).status().await.unwrap();
    assert!(written.success());
    program(path)
}

async fn environment_of(mut command: Command) -> BTreeMap<String, String> {
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let variables = text.split_terminator('\0').map(|variable| variable.split_once('=').unwrap());
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
