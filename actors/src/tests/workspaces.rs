//! What commands change in files: a folder that changes when the test says so, and what the log has of it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runner_core::agent::{AgentOutput, FileChange, FileChangeKind, ToolReturn};
use runner_core::ports::{WorkspaceSight, WorkspaceWatch};
use runner_core::request::{Decision, ToolEffect};
use runner_core::session::event::{FilesEvent, SessionEvent};
use runner_core::workspace::{UnobservedReason, WorkspaceChange, WorkspaceReport};

use super::replay::{Agent, Heard};
use super::samples::{Server, asks, done, gate, run, session};

#[derive(Default)]
pub(super) struct ReplayFolder(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    changed: Vec<String>,
    looks: usize,
    problem: Option<UnobservedReason>,
}

impl ReplayFolder {
    /// A file becomes another one.
    fn change(&self, path: &str) {
        self.0.lock().unwrap().changed.push(path.into());
    }

    fn looks(&self) -> usize {
        self.0.lock().unwrap().looks
    }

    fn break_down(&self, why: UnobservedReason) {
        self.0.lock().unwrap().problem = Some(why);
    }
}

#[async_trait]
impl WorkspaceWatch for ReplayFolder {
    async fn look(&self, folder: &Path) -> Result<Option<Box<dyn WorkspaceSight>>, UnobservedReason> {
        assert_eq!(folder, Path::new("/work"));
        tokio::task::yield_now().await;
        let mut state = self.0.lock().unwrap();
        state.looks += 1;
        state.changed.clear();
        match state.problem {
            Some(problem) => Err(problem),
            None => Ok(Some(Box::new(Self(Arc::clone(&self.0))))),
        }
    }
}

#[async_trait]
impl WorkspaceSight for ReplayFolder {
    async fn changes(&mut self) -> WorkspaceReport {
        tokio::task::yield_now().await;
        let changed = std::mem::take(&mut self.0.lock().unwrap().changed);
        let change = |path| {
            let kind = FileChangeKind::Modified;
            WorkspaceChange { path, kind, added: 1, removed: 0, patch: Some("+\n".into()), executable: None }
        };
        WorkspaceReport { changes: changed.into_iter().map(change).collect(), unobserved: None }
    }

    async fn accept(&mut self, path: &str) {
        tokio::task::yield_now().await;
        self.0.lock().unwrap().changed.retain(|changed| changed != path);
    }
}

#[test]
fn what_a_command_changed_is_stored_before_its_turn_ends() {
    run(async {
        let server = Server::start();
        let mut agent = running_a_command(&server).await;
        server.folder.change("/work/a");
        server.folder.change("/work/b");

        agent.says([done()]).await;

        assert_eq!(files_and_ends(&server, 6).await, ["/work/a", "/work/b", "turn_completed"]);
        assert!(agent.has_heard_all());
        assert_eq!(server.prompt(session(1), 2).await.map(drop).ok(), Some(()));
        assert_eq!(agent.hears().await, super::samples::prompt_of(2));
        server.folder.change("/work/c");
        agent.says([done()]).await;
        assert_eq!(files_and_ends(&server, 9).await.last().unwrap(), "turn_completed");
        assert_eq!(server.folder.looks(), 1, "no command ran in the second turn");
    });
}

#[test]
fn turn_without_commands_costs_no_look() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;

        agent.says([gate("tool-1", ToolEffect::WritesFiles)]).await;
        assert_eq!(agent.hears().await, passed());
        agent.says([edited("/work/a"), done()]).await;

        assert_eq!(files_and_ends(&server, 6).await, ["tool:/work/a", "turn_completed"]);
        assert_eq!(server.folder.looks(), 0);
    });
}

#[test]
fn what_a_file_tool_changes_after_a_command_is_not_told_twice() {
    run(async {
        let server = Server::start();
        let mut agent = running_a_command(&server).await;
        server.folder.change("/work/a");
        agent.says([gate("tool-2", ToolEffect::WritesFiles)]).await;
        assert_eq!(agent.hears().await, passed());
        server.folder.change("/work/a");

        agent.says([edited("/work/a"), done()]).await;

        assert_eq!(files_and_ends(&server, 7).await, ["/work/a", "tool:/work/a", "turn_completed"]);
    });
}

#[test]
fn what_changes_while_people_decide_was_not_done_by_the_agent() {
    run(async {
        let server = Server::start();
        let mut agent = running_a_command(&server).await;
        server.folder.change("/work/by-the-first-command");
        agent.says([gate("tool-2", ToolEffect::RunsCommands)]).await;
        assert_eq!(agent.hears().await, passed());
        agent.says([asks("r1", "tool-2")]).await;
        server.log.when_there_are(5, session(1)).await;
        server.folder.change("/work/by-people");

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Allow));
        server.folder.change("/work/by-the-second-command");
        agent.says([done()]).await;

        let files = ["/work/by-the-first-command", "/work/by-the-second-command", "turn_completed"];
        assert_eq!(files_and_ends(&server, 9).await, files);
    });
}

#[test]
fn what_a_command_changed_is_known_when_the_agent_dies_and_when_the_server_stops() {
    run(async {
        let server = Server::start();
        let agent = running_a_command(&server).await;
        server.folder.change("/work/a");
        drop(agent);
        assert_eq!(files_and_ends(&server, 5).await, ["/work/a", "turn_failed"]);
    });
    run(async {
        let server = Server::start();
        let _agent = running_a_command(&server).await;
        server.folder.change("/work/a");
        server.sessions.shut_down(std::time::Duration::ZERO).await;
        assert_eq!(files_and_ends(&server, 5).await, ["/work/a", "turn_interrupted"]);
    });
}

#[test]
fn folder_that_cannot_be_looked_at_is_told_once() {
    run(async {
        let server = Server::start();
        server.folder.break_down(UnobservedReason::TooManyFiles);
        let mut agent = running_a_command(&server).await;
        agent.says([gate("tool-2", ToolEffect::RunsCommands)]).await;
        assert_eq!(agent.hears().await, passed());

        agent.says([done()]).await;

        assert_eq!(files_and_ends(&server, 5).await, ["TooManyFiles", "turn_completed"]);
    });
}

async fn running_a_command(server: &Server) -> Agent {
    let mut agent = server.open_and_run(session(1)).await;
    agent.says([gate("tool-1", ToolEffect::RunsCommands)]).await;
    assert_eq!(agent.hears().await, passed());
    agent
}

fn edited(path: &str) -> AgentOutput {
    let (path, kind, tool_use_id) = (path.to_owned(), FileChangeKind::Modified, "tool-2".to_owned());
    let file_change = FileChange {
        path,
        kind,
        added: 1,
        removed: 0,
        patch: "+\n".into(),
        tool_use_id: tool_use_id.clone(),
    };
    AgentOutput::ToolReturned(ToolReturn {
        tool_use_id,
        is_error: false,
        content: "".into(),
        structured: None,
        file_change: Some(file_change),
        allowed_by: None,
    })
}

fn passed() -> Heard {
    Heard::Pass("g1".into())
}

/// The files that changed, in order, with what ended turns.
async fn files_and_ends(server: &Server, count: usize) -> Vec<String> {
    let events = server.log.when_there_are(count, session(1)).await;
    events.iter().filter_map(file_or_end).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other events are not of files")]
fn file_or_end(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::Files(FilesEvent::WorkspaceChanged { change, .. }) => Some(change.path.clone()),
        SessionEvent::Files(FilesEvent::Changed { change, .. }) => Some(format!("tool:{}", change.path)),
        SessionEvent::Files(FilesEvent::WorkspaceUnobserved { unobserved, .. }) => {
            Some(format!("{:?}", unobserved.reason))
        }
        _ => event.ended_turn().map(|_| event.type_name().to_owned()),
    }
}
