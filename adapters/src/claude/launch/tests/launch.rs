//! The start of an agent: its arguments and its folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::money::MicroDollars;
use runner_core::ports::{AgentError, AgentFile, AgentLaunch, AgentSetup};
use serde_json::json;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::claude::credentials::Access;
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::launch::{self, LaunchContext};
use crate::claude::limits::Limiter;
use crate::claude::program::Program;
use crate::claude::tests::{SESSION, ScratchFolder, launch_of, launch_with, settings, setup_with};
use crate::claude::{ClaudeSettings, Credentials};
use crate::gateway::Anybody;

const ALWAYS: [&str; 9] = [
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
    "--setting-sources=",
    "--strict-mcp-config",
    r#"--settings={"claudeMdExcludes":["**/CLAUDE.md","**/CLAUDE.local.md","**/.claude/CLAUDE.md","**/.claude/rules/**"],"crossSessionInbound":"refuse","useAutoModeDuringPlan":false}"#,
    "--disallowedTools=CronCreate,CronDelete,CronList,ScheduleWakeup,RemoteTrigger,ListAgents,SendMessage",
];

#[test]
fn plain_session_is_started_with_its_id_and_nothing_else() {
    let folder = ScratchFolder::new();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    let id = "--session-id=00000000-0000-0000-0000-00000000000a".to_owned();
    assert_eq!(arguments, [always(), vec![id, "--permission-mode=default".to_owned()]].concat());
}

#[test]
fn every_option_has_its_flag() {
    let folder = ScratchFolder::new();
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
        &launch_of(AgentSetup { permission_mode: PermissionMode::BypassPermissions, ..setup_with(options) }),
    );

    assert_eq!(
        arguments[10..],
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
    let folder = ScratchFolder::new();
    let options = AgentOptions { tools: Some(vec![]), ..AgentOptions::default() };

    let arguments = arguments(&folder, &launch_with(options));

    assert_eq!(arguments[11..], ["--tools="]);
}

#[test]
fn messages_to_other_agents_are_offered_only_to_a_session_that_names_the_tool() {
    let folder = ScratchFolder::new();
    let options = AgentOptions { tools: Some(vec!["SendMessage".into()]), ..AgentOptions::default() };

    let arguments = arguments(&folder, &launch_with(options));

    let withheld = "--disallowedTools=CronCreate,CronDelete,CronList,ScheduleWakeup,RemoteTrigger,ListAgents";
    assert_eq!(arguments[8], withheld);
}

#[test]
fn value_that_looks_like_a_flag_stays_inside_its_own() {
    let folder = ScratchFolder::new();
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
        arguments[11..],
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
    let folder = ScratchFolder::new();
    let projects = folder.path().join(SESSION.to_string()).join("projects/-work");
    fs::create_dir_all(&projects).unwrap();
    let said = r#"{"type":"user","uuid":"1","message":{}}"#;
    fs::write(projects.join(format!("{SESSION}.jsonl")), said).unwrap();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    assert_eq!(arguments[9], "--resume=00000000-0000-0000-0000-00000000000a");
}

#[test]
fn transcript_of_another_session_resumes_nothing() {
    let folder = ScratchFolder::new();
    let projects = folder.path().join(SESSION.to_string()).join("projects/-work");
    fs::create_dir_all(&projects).unwrap();
    fs::write(projects.join("00000000-0000-0000-0000-00000000000b.jsonl"), "{}\n").unwrap();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    assert_eq!(arguments[9], "--session-id=00000000-0000-0000-0000-00000000000a");
}

#[test]
fn agent_that_is_taken_up_has_its_files_and_ends_at_the_tool_use() {
    let folder = ScratchFolder::new();
    let line = json!({ "type": "assistant", "uuid": "u1", "message": { "content": [
        { "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {} },
    ] } });
    let path = format!("projects/-srv/{SESSION}.jsonl");
    let kept = AgentFile { path: path.clone(), bytes: format!("{line}\n{{}}\n").into() };
    let mut launch = launch_with(AgentOptions::default());
    launch.seat.files = vec![kept];
    launch.seat.resume_at = Some("toolu_1".into());

    let arguments = arguments(&folder, &launch);

    assert_eq!(arguments[9], "--resume=00000000-0000-0000-0000-00000000000a");
    let text = fs::read_to_string(folder.path().join(SESSION.to_string()).join(path)).unwrap();
    assert_eq!(text.lines().next(), Some(&line.to_string()[..]));
    assert!(text.lines().nth(1).unwrap().contains("hook_deferred_tool"), "{text}");
}

#[test]
fn agent_cannot_be_taken_up_at_a_tool_use_that_it_does_not_know() {
    let folder = ScratchFolder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });
    let mut launch = launch_with(AgentOptions::default());
    launch.seat.resume_at = Some("toolu_1".into());

    let refused = try_command(&settings, &program("/bin/echo"), &launch);

    let Err(AgentError::NotStarted(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why, "its transcript does not have the tool use");
}

#[test]
fn no_agent_is_started_so_that_it_could_skip_permissions_later() {
    let folder = ScratchFolder::new();

    let arguments = arguments(&folder, &launch_with(AgentOptions::default()));

    // While it plans such an agent would let through what it should ask about.
    assert!(!arguments.iter().any(|argument| argument == "--allow-dangerously-skip-permissions"));
}

#[test]
fn agent_ends_with_the_server_where_the_kernel_can_see_to_that() {
    let folder = ScratchFolder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });
    let mut guarded = program("/bin/echo");
    guarded.setpriv = Some("/bin/setpriv".into());

    let command = command(&settings, &guarded, &launch_with(AgentOptions::default()));

    let arguments: Vec<_> = command.as_std().get_args().take(4).collect();
    assert_eq!(command.as_std().get_program(), "/bin/setpriv");
    assert_eq!(arguments, ["--pdeathsig", "KILL", "--", "/bin/echo"]);
}

#[test]
fn folder_of_a_session_is_its_own_and_holds_a_link_to_the_login() {
    let folder = ScratchFolder::new();
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
    let folder = ScratchFolder::new();
    let settings = settings(&folder, Credentials::OauthToken { token: "t".into() });

    let command = command(&settings, &program("/bin/echo"), &launch_with(AgentOptions::default()));

    let command = command.as_std();
    assert_eq!(command.get_program(), "/bin/echo");
    assert_eq!(command.get_current_dir(), Some(Path::new("/srv")));
}

/// The command without sandbox and limits.
pub(super) fn command(settings: &ClaudeSettings, program: &Program, launch: &AgentLaunch) -> Command {
    try_command(settings, program, launch).unwrap()
}

fn try_command(
    settings: &ClaudeSettings,
    program: &Program,
    launch: &AgentLaunch,
) -> Result<Command, AgentError> {
    let limiter = Limiter::none();
    let access = access(settings, launch);
    let folders = vec![WorkFolder::open(&launch.setup.working_dir, &settings.folders)?];
    let extensions = launch::prepare(settings, launch)?;
    let context = LaunchContext {
        settings,
        program,
        sandbox: None,
        limiter: &limiter,
        access: &access,
        folders: &folders,
        git_folders: &[],
        extensions: extensions.as_ref(),
        group: None,
    };
    let mut command = launch::command(context, launch)?;
    // The folder is not kept open here.
    command.current_dir(&launch.setup.working_dir);
    Ok(command)
}

fn access(settings: &ClaudeSettings, launch: &AgentLaunch) -> Access {
    settings.credentials.access(launch, Arc::new(Anybody), &mpsc::channel(1).0).unwrap()
}

pub(super) fn program(path: impl Into<PathBuf>) -> Program {
    Program::at(path.into(), "2.1.197")
}

fn arguments(folder: &ScratchFolder, launch: &AgentLaunch) -> Vec<String> {
    let settings = settings(folder, Credentials::OauthToken { token: "t".into() });
    let command = command(&settings, &program("/bin/echo"), launch);
    command.as_std().get_args().map(|argument| argument.to_str().unwrap().to_owned()).collect()
}

fn always() -> Vec<String> {
    ALWAYS.map(str::to_owned).to_vec()
}
