//! A running agent. A shell plays it, so that lines, pipes, signals and ends are real.

use std::sync::Arc;
use std::time::Duration;

use runner_core::agent::AgentOutput;
use runner_core::ids::{SessionId, TurnId};
use runner_core::money::MicroDollars;
use runner_core::ports::{AgentError, AgentExit, RunningAgent};
use runner_core::setup::extension::active::ActiveExtensions;
use runner_core::setup::trust::Trust;
use runner_core::spend::Spend;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::claude::process::process_tree::{Marker, ProcessTree};
use crate::claude::process::{Attached, ClaudeProcess, LoadedSetup, OutputQueue};
use crate::claude::protocol::outgoing;
use crate::claude::trust::enforced::MARKER_VARIABLE;

/// The time that a test waits for something that is about to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a process in a session of its own, and says so once it runs.
const STARTS_ANOTHER: &str = r#"setsid sleep 300 >/dev/null 2>&1 &
    until tr '\0' ' ' </proc/$!/cmdline | grep -q '^sleep'; do :; done; printf '{"type":"started"}\n'"#;

#[tokio::test]
async fn prompt_reaches_the_agent_as_one_line() {
    // The shell repeats each line.
    let mut agent = playing("cat");
    let (turn, text) = (TurnId(Uuid::from_u128(7)), "two\nlines, \"quoted\", 你好 \u{2028}");

    agent.input.prompt(turn, text, &[]).await.unwrap();

    assert_eq!(next(&mut agent).await, other(outgoing::prompt(turn, text, &[])));
    agent.input.stop().await;
    let exit = AgentExit { detail: "exit status: 0".into(), at_start: false };
    assert_eq!(rest(&mut agent).await, (vec![], exit));
}

#[tokio::test]
async fn agent_is_told_to_initialize_before_anything_else() {
    let mut agent = playing(r#"read line; printf '{"type":"heard","line":%s}\n' "$line"; cat >/dev/null"#);

    let AgentOutput::Other { raw } = next(&mut agent).await else { panic!("nothing was heard") };

    assert_eq!(raw["line"]["request"], first_line()["request"]);
    agent.input.stop().await;
}

#[tokio::test]
async fn lines_come_in_order_and_a_torn_last_one_is_kept_as_text() {
    let mut agent = playing(r#"printf '{"type":"a"}\n\nnoise\n{"type":"b"}\n{"type":"resu'"#);

    let (outputs, _) = rest(&mut agent).await;

    let torn = json!({ "type": "unreadable_line", "text": "{\"type\":\"resu" });
    assert_eq!(outputs, [other(json!({ "type": "a" })), other(json!({ "type": "b" })), other(torn)]);
}

#[tokio::test]
async fn line_that_is_too_long_is_named_and_the_next_one_is_read() {
    let mut agent = playing(r#"head -c 67108865 /dev/zero | tr '\0' x; printf '\n{"type":"after"}\n'"#);

    let (outputs, _) = rest(&mut agent).await;

    let skipped = json!({ "type": "line_skipped", "longer_than_bytes": 64 * 1024 * 1024 });
    assert_eq!(outputs, [other(skipped), other(json!({ "type": "after" }))]);
}

#[tokio::test]
async fn long_line_is_read_whole() {
    let mut agent =
        playing(r#"printf '{"type":"long","text":"'; head -c 3000000 /dev/zero | tr '\0' x; printf '"}\n'"#);

    let AgentOutput::Other { raw } = next(&mut agent).await else { panic!("no such line") };

    assert_eq!(raw["text"].as_str().map(str::len), Some(3_000_000));
}

#[tokio::test]
async fn request_that_is_not_offered_is_answered() {
    let asks = r#"read initialize
        printf '{"type":"control_request","request_id":"r7","request":{"subtype":"hook_callback"}}\n'
        read answer; printf '{"type":"heard","line":%s}\n' "$answer""#;

    let mut agent = playing(asks);

    let answer = outgoing::unsupported("r7", "hook_callback");
    assert_eq!(next(&mut agent).await, other(json!({ "type": "heard", "line": answer })));
}

#[tokio::test]
async fn agent_says_what_it_has_spent_so_far() {
    let answers = answering(r#"{"session":{"total_cost_usd":0.25,"total_api_duration_ms":70}}"#);

    let agent = playing(&answers);

    let total = Spend { cost_micros: MicroDollars(250_000), ..Spend::default() };
    let metered = AgentOutput::Metered { total, total_duration_api_ms: 70 };
    assert_eq!(agent.input.meter().await.unwrap(), metered);
}

#[tokio::test]
async fn nobody_waits_for_the_answer_of_an_agent_that_has_ended() {
    let agent = playing("read initialize; read question; exit 3");

    let answer = tokio::time::timeout(PATIENCE, agent.input.rewind(TurnId(Uuid::from_u128(1)))).await;

    assert!(matches!(answer, Ok(Err(AgentError::Ended))), "{answer:?}");
}

#[tokio::test]
async fn killing_ends_the_agent_in_the_middle_with_all_it_has_started() {
    let (mut agent, marker) =
        playing_marked(&format!("trap '' TERM; {STARTS_ANOTHER}; while :; do sleep 300; done"));
    assert_eq!(next(&mut agent).await, other(json!({ "type": "started" })));

    agent.input.kill().await;

    let (_, exit) = rest(&mut agent).await;
    assert_eq!(exit.detail, "signal: 9 (SIGKILL)");
    assert_eq!(marker.kill_once(), 0, "a process was left behind");
}

#[tokio::test]
async fn files_are_put_back_after_the_agent_has_said_which() {
    let agent = playing(&answering(r#"{"canRewind":true,"filesChanged":["/srv/a","/srv/b"]}"#));

    let files = agent.input.rewind(TurnId(Uuid::from_u128(7))).await.unwrap();

    assert_eq!(files, ["/srv/a", "/srv/b"]);
}

#[tokio::test]
async fn files_that_the_agent_cannot_put_back_are_refused_with_its_reason() {
    let agent = playing(&answering(r#"{"canRewind":false,"error":"no checkpoint"}"#));

    let refused = agent.input.rewind(TurnId(Uuid::from_u128(7))).await;

    assert!(matches!(&refused, Err(AgentError::Refused(why)) if why == "no checkpoint"), "{refused:?}");
}

#[tokio::test]
async fn agent_that_ends_before_it_was_up_says_why() {
    let mut agent = playing("echo \"error: unknown option '--bogus'\" >&2; exit 1");

    let (outputs, exit) = rest(&mut agent).await;

    let detail = "exit status: 1: error: unknown option '--bogus'".into();
    assert_eq!((outputs, exit), (vec![], AgentExit { detail, at_start: true }));
}

#[tokio::test]
async fn agent_that_ends_later_was_not_at_its_start() {
    let mut agent = playing(r#"printf '{"type":"control_response","response":{}}\n'; kill -9 $$"#);

    let (_, exit) = rest(&mut agent).await;

    assert_eq!(exit, AgentExit { detail: "signal: 9 (SIGKILL)".into(), at_start: false });
}

#[tokio::test]
async fn only_the_end_of_a_long_error_output_is_kept() {
    let mut agent = playing("head -c 100000 /dev/zero | tr '\\0' x >&2; echo ' the end' >&2; exit 3");

    let (_, exit) = rest(&mut agent).await;

    assert!(exit.detail.ends_with("xxx the end"), "{}", exit.detail);
    assert!(exit.detail.len() < 5000, "{} bytes", exit.detail.len());
}

#[tokio::test]
async fn nothing_can_be_said_to_an_agent_that_was_stopped() {
    let agent = playing("cat >/dev/null");
    agent.input.stop().await;

    let said = agent.input.prompt(TurnId(Uuid::from_u128(1)), "hello", &[]).await;

    assert!(matches!(said, Err(AgentError::Ended)), "{said:?}");
}

#[tokio::test]
async fn stopping_ends_also_what_the_agent_has_started() {
    let (mut agent, marker) =
        playing_marked(r#"setsid sleep 300 >/dev/null 2>&1 & printf '{"type":"started"}\n'; cat >/dev/null"#);
    assert_eq!(next(&mut agent).await, other(json!({ "type": "started" })));

    agent.input.stop().await;

    assert_eq!(marker.kill_once(), 0, "a process was left behind");
}

#[tokio::test]
async fn agent_that_listens_to_nothing_is_killed() {
    let (mut agent, marker) =
        playing_marked(r#"trap '' TERM; printf '{"type":"deaf"}\n'; while :; do sleep 300; done"#);
    assert_eq!(next(&mut agent).await, other(json!({ "type": "deaf" })));

    agent.input.stop().await;

    let (_, exit) = rest(&mut agent).await;
    assert_eq!(exit.detail, "signal: 9 (SIGKILL)");
    assert_eq!(marker.kill_once(), 0, "a process was left behind");
}

#[tokio::test]
async fn dropping_the_agent_kills_it_with_all_it_has_started() {
    let (mut agent, marker) = playing_marked(&format!("{STARTS_ANOTHER}; while :; do sleep 300; done"));
    assert_eq!(next(&mut agent).await, other(json!({ "type": "started" })));

    drop(agent.input);

    let ended = agent.outputs.next();
    let exit = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap_err();
    assert_eq!(exit.detail, "signal: 9 (SIGKILL)");
    // The processes were sent the signal; this only waits until they are gone.
    marker.kill_all().await;
}

#[tokio::test]
async fn program_that_cannot_be_run_is_an_error() {
    let marker = Marker::of_session("instance", SessionId(Uuid::from_u128(1)));

    let refused =
        ClaudeProcess::spawn(Command::new("/no/such/program"), OutputQueue::new(), attached(marker));

    assert!(matches!(refused, Err(AgentError::NotStarted(_))));
}

/// Answers every request after the first with this.
fn answering(answer: &str) -> String {
    format!(
        r#"read initialize
        while read line; do
            id=$(printf %s "$line" | tr , '\n' | grep request_id | cut -d'"' -f4)
            printf '{{"type":"control_response","response":{{"subtype":"success","request_id":"%s",' "$id"
            printf '"response":%s}}}}\n' '{answer}'
        done"#
    )
}

/// An agent that is played by a shell.
fn playing(script: &str) -> RunningAgent {
    playing_marked(script).0
}

fn playing_marked(script: &str) -> (RunningAgent, Marker) {
    let marker = Marker::of_session(&Uuid::now_v7().to_string(), SessionId(Uuid::from_u128(1)));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).env(MARKER_VARIABLE, marker.value());
    (ClaudeProcess::spawn(command, OutputQueue::new(), attached(marker.clone())).unwrap(), marker)
}

async fn next(agent: &mut RunningAgent) -> AgentOutput {
    let said = tokio::time::timeout(PATIENCE, agent.outputs.next()).await.unwrap();
    let [output] = &said.unwrap()[..] else { panic!("one thing was expected to be said") };
    output.clone()
}

/// All outputs that are left, and the agent's end.
async fn rest(agent: &mut RunningAgent) -> (Vec<AgentOutput>, AgentExit) {
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, agent.outputs.next()).await.unwrap() {
            Ok(outputs) => all.extend(outputs),
            Err(exit) => return (all, exit),
        }
    }
}

fn other(raw: Value) -> AgentOutput {
    AgentOutput::Other { raw }
}

#[tokio::test]
async fn last_line_without_its_end_is_a_message_if_it_is_whole() {
    let mut agent = playing(r#"printf '{"type":"a"}\n{"type":"b"}'"#);

    let (outputs, _) = rest(&mut agent).await;

    assert_eq!(outputs, [other(json!({ "type": "a" })), other(json!({ "type": "b" }))]);
}

fn first_line() -> Value {
    outgoing::initialize(&ActiveExtensions::default())
}

fn attached(marker: Marker) -> Attached {
    Attached {
        first_line: first_line(),
        tree: ProcessTree::new(marker, None),
        started: Arc::default(),
        pass: None,
        setup: LoadedSetup { trust: Trust::Untrusted, extensions: None },
        socket: None,
        own_folders: None,
        extensions: None,
    }
}
