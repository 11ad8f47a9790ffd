//! What an agent is started with: arguments, folder and environment.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::aggregate::TenantId;
use runner_core::ids::{ProcessId, SessionId};
use runner_core::model_access::SpentBefore;
use runner_core::money::MicroDollars;
use runner_core::ports::{AgentError, AgentFile, AgentLaunch};
use serde_json::json;
use tokio::process::Command;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::claude::credentials::Access;
use crate::claude::program::Program;
use crate::claude::{ClaudeSettings, Credentials, ModelKind, launch};

const SESSION: SessionId = SessionId(Uuid::from_u128(0xa));

const ALWAYS: [&str; 7] = [
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
    "--setting-sources=",
    "--strict-mcp-config",
];

#[test]
fn plain_session_is_started_with_its_id_and_nothing_else() {
    let folder = Folder::new();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    let id = "--session-id=00000000-0000-0000-0000-00000000000a".to_owned();
    assert_eq!(arguments, [always(), vec![id]].concat());
}

#[test]
fn every_option_has_its_flag() {
    let folder = Folder::new();
    let options = AgentOptions {
        max_duration_ms: None,
        model: Some("opus".into()),
        fallback_model: Some("haiku".into()),
        effort: Some("high".into()),
        tools: Some(vec!["Bash".into(), "Read".into()]),
        max_turns: Some(12),
        max_budget_micros: Some(MicroDollars(2_500_000)),
        append_system_prompt: Some("be brief".into()),
        output_schema: Some(json!({ "type": "object" })),
        add_dirs: vec!["/lib".into(), "/a b".into()],
        env: BTreeMap::new(),
    };

    let arguments = arguments(
        &folder,
        &AgentLaunch { permission_mode: PermissionMode::BypassPermissions, ..launch_with(options) },
    );

    assert_eq!(
        arguments[8..],
        [
            "--permission-mode=bypassPermissions",
            "--model=opus",
            "--fallback-model=haiku",
            "--effort=high",
            "--max-turns=12",
            "--max-budget-usd=2.5",
            "--append-system-prompt=be brief",
            r#"--json-schema={"type":"object"}"#,
            "--tools=Bash,Read",
            "--add-dir=/lib",
            "--add-dir=/a b",
        ]
    );
}

#[test]
fn empty_set_of_tools_is_said_and_not_left_out() {
    let folder = Folder::new();
    let options = AgentOptions { tools: Some(vec![]), ..AgentOptions::default() };

    let arguments = arguments(&folder, &launch_with(options));

    assert_eq!(arguments[8..], ["--tools="]);
}

#[test]
fn value_that_looks_like_a_flag_stays_inside_its_own() {
    let folder = Folder::new();
    let evil = || Some("--dangerously-skip-permissions".to_owned());
    let options = AgentOptions {
        model: evil(),
        fallback_model: Some("-p".into()),
        append_system_prompt: evil(),
        tools: Some(vec!["-x".into(), "--y=1".into()]),
        add_dirs: vec!["--settings=/tmp/evil.json".into()],
        ..AgentOptions::default()
    };

    let arguments = arguments(&folder, &launch_with(options));

    assert_eq!(
        arguments[8..],
        [
            "--model=--dangerously-skip-permissions",
            "--fallback-model=-p",
            "--append-system-prompt=--dangerously-skip-permissions",
            "--tools=-x,--y=1",
            "--add-dir=--settings=/tmp/evil.json",
        ]
    );
}

#[test]
fn session_in_which_the_agent_has_spoken_is_resumed() {
    let folder = Folder::new();
    let projects = folder.path().join(SESSION.to_string()).join("projects/-work");
    fs::create_dir_all(&projects).unwrap();
    fs::write(projects.join(format!("{SESSION}.jsonl")), "{}\n").unwrap();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    assert_eq!(arguments[7..], ["--resume=00000000-0000-0000-0000-00000000000a"]);
}

#[test]
fn transcript_of_another_session_resumes_nothing() {
    let folder = Folder::new();
    let projects = folder.path().join(SESSION.to_string()).join("projects/-work");
    fs::create_dir_all(&projects).unwrap();
    fs::write(projects.join("00000000-0000-0000-0000-00000000000b.jsonl"), "{}\n").unwrap();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    assert_eq!(arguments[7..], ["--session-id=00000000-0000-0000-0000-00000000000a"]);
}

#[test]
fn agent_that_is_taken_up_has_its_files_and_ends_at_the_tool_use() {
    let folder = Folder::new();
    let line = json!({ "type": "assistant", "uuid": "u1", "message": { "content": [
        { "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {} },
    ] } });
    let path = format!("projects/-srv/{SESSION}.jsonl");
    let kept = AgentFile { path: path.clone(), bytes: format!("{line}\n{{}}\n").into() };
    let launch = AgentLaunch {
        files: vec![kept],
        resume_at: Some("toolu_1".into()),
        ..launch_with(AgentOptions::default())
    };

    let arguments = arguments(&folder, &launch);

    assert_eq!(arguments[7..], ["--resume=00000000-0000-0000-0000-00000000000a"]);
    let text = fs::read_to_string(folder.path().join(SESSION.to_string()).join(path)).unwrap();
    assert_eq!(text.lines().next(), Some(&line.to_string()[..]));
    assert!(text.lines().nth(1).unwrap().contains("hook_deferred_tool"), "{text}");
}

#[test]
fn agent_cannot_be_taken_up_at_a_tool_use_that_it_does_not_know() {
    let folder = Folder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });
    let launch = AgentLaunch { resume_at: Some("toolu_1".into()), ..launch_with(AgentOptions::default()) };

    let refused = launch::command(&settings, &program("/bin/echo"), &launch, &access(&settings, &launch));

    let Err(AgentError::NotStarted(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why, "its transcript does not have the tool use");
}

#[test]
fn no_agent_is_started_so_that_it_could_skip_permissions_later() {
    let folder = Folder::new();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    // While it plans such an agent would let through what it should ask about.
    assert!(!arguments.iter().any(|argument| argument == "--allow-dangerously-skip-permissions"));
}

#[test]
fn agent_ends_with_the_server_where_the_kernel_can_see_to_that() {
    let folder = Folder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });
    let guarded = Program { setpriv: Some("/bin/setpriv".into()), ..program("/bin/echo") };

    let command = command(&settings, &guarded, &launch_with(AgentOptions::default()));

    let arguments: Vec<_> = command.as_std().get_args().take(4).collect();
    assert_eq!(command.as_std().get_program(), "/bin/setpriv");
    assert_eq!(arguments, ["--pdeathsig", "KILL", "--", "/bin/echo"]);
}

#[tokio::test]
async fn environment_is_what_was_chosen_and_nothing_of_the_servers_own() {
    let folder = Folder::new();
    let program = printing_program(&folder).await;
    let settings = settings(&folder, Credentials::OauthToken { token: "sk-1".into() });
    let launch =
        AgentLaunch { working_dir: folder.path().to_owned(), ..launch_with(AgentOptions::default()) };

    let environment = environment_of(command(&settings, &program, &launch)).await;

    let config_dir = folder.path().join(SESSION.to_string()).display().to_string();
    let working_dir = folder.path().display().to_string();
    let expected = [
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true"),
        ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"),
        ("CLAUDE_CODE_MAX_RETRIES", "4"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "sk-1"),
        ("CLAUDE_CONFIG_DIR", &config_dir),
        ("CLAUDE_RUNNER_AGENT", "instance/00000000-0000-0000-0000-00000000000a"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_TELEMETRY", "1"),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/bin:/bin"),
        ("PWD", &working_dir),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(environment, BTreeMap::from(expected));
}

#[tokio::test]
async fn variables_of_a_session_are_added_but_what_the_runner_sets_wins() {
    let folder = Folder::new();
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
    let launch = AgentLaunch { working_dir: folder.path().to_owned(), ..launch_with(options) };

    let environment = environment_of(command(&settings, &program, &launch)).await;

    assert_eq!(environment["LANG"], "de_CH.UTF-8");
    assert_eq!(environment["MY_SETTING"], "two words");
    assert_eq!(environment["ANTHROPIC_BASE_URL"], base_url);
    let evil: Vec<_> = environment.iter().filter(|(_, value)| *value == "evil").collect();
    assert!(evil.is_empty(), "{evil:?}");
}

#[test]
fn folder_of_a_session_is_its_own_and_holds_a_link_to_the_login() {
    let folder = Folder::new();
    let login = folder.path().join("login.json");
    fs::write(&login, "{}").unwrap();
    let settings = settings(&folder, Credentials::Login { credentials_file: login.clone() });
    let program = program("/bin/echo");

    // The second start finds what the first has left.
    for _ in 0..2 {
        command(&settings, &program, &launch_with(AgentOptions::default()));
    }

    let own = folder.path().join(SESSION.to_string());
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_link(own.join(".credentials.json")).unwrap(), login);
}

#[test]
fn agent_works_in_the_folder_of_its_session() {
    let folder = Folder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });

    let command = command(&settings, &program("/bin/echo"), &launch_with(AgentOptions::default()));

    let command = command.as_std();
    assert_eq!(command.get_program(), "/bin/echo");
    assert_eq!(command.get_current_dir(), Some(Path::new("/srv")));
}

/// A folder that goes away with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("launch-{}", Uuid::now_v7()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the folder for temporary files.
        fs::remove_dir_all(&self.0).ok();
    }
}

pub(super) fn settings(folder: &Folder, credentials: Credentials) -> ClaudeSettings {
    ClaudeSettings {
        program: None,
        search_path: None,
        credentials,
        agents_dir: folder.path().to_owned(),
        instance: "instance".into(),
        inherited_env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("LANG".into(), "C.UTF-8".into())],
        max_api_retries: 4,
    }
}

pub(super) fn launch_with(options: AgentOptions) -> AgentLaunch {
    AgentLaunch {
        session: SESSION,
        tenant: TenantId::first(),
        owner: "ada".into(),
        process: ProcessId(Uuid::from_u128(1)),
        working_dir: "/srv".into(),
        permission_mode: PermissionMode::Default,
        options,
        spent: SpentBefore::default(),
        files: vec![],
        resume_at: None,
    }
}

pub(super) fn command(settings: &ClaudeSettings, program: &Program, launch: &AgentLaunch) -> Command {
    let access = access(settings, launch);
    launch::command(settings, program, launch, &access).unwrap()
}

fn access(settings: &ClaudeSettings, launch: &AgentLaunch) -> Access {
    settings.credentials.access(launch, &mpsc::channel(1).0).unwrap()
}

pub(super) fn program(path: impl Into<PathBuf>) -> Program {
    Program { path: path.into(), version: "2.1.197".into(), setpriv: None }
}

fn arguments(folder: &Folder, launch: &AgentLaunch) -> Vec<String> {
    let settings = settings(folder, Credentials::OauthToken { token: "t".into() });
    let command = command(&settings, &program("/bin/echo"), launch);
    command.as_std().get_args().map(|argument| argument.to_str().unwrap().to_owned()).collect()
}

fn always() -> Vec<String> {
    ALWAYS.map(str::to_owned).to_vec()
}

/// A program that takes any argument and prints the environment it was started with. A shell writes it:
/// had this process it open, the fork of another test might keep it open, and it could not be run.
async fn printing_program(folder: &Folder) -> Program {
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
