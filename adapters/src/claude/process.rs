//! One running agent: its pipes, its end, and the guard that leaves nothing of it behind.

pub(super) mod connections;
mod error_output;
mod file_reports;
pub(super) mod own_folders;
pub(super) mod process_tree;
mod socket_lookup;
#[cfg(test)]
mod tests;
mod usage;

use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use runner_core::agent::{AgentOutput, PermissionMode};
use runner_core::ids::TurnId;
use runner_core::ports::{
    AgentError, AgentExit, AgentInput, AgentOutputs, GateVerdict, ProcessUsage, RunningAgent,
};
use runner_core::prompt::Attachment;
use runner_core::session::requests::SettledRequest;
use runner_core::setup::extension::active::LoadedExtensions;
use runner_core::setup::trust::Trust;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};

use self::error_output::{describe, drain};
use self::file_reports::FileReports;
use self::own_folders::OwnFolders;
use self::process_tree::ProcessTree;
use crate::claude::launch::extension_folder::ExtensionFolder;
use crate::claude::protocol::outgoing::ControlRequest;
use crate::claude::protocol::reader::{Answers, read_lines};
use crate::claude::protocol::{outgoing, result_line};
use crate::claude::trust::socket_guard::SocketGuard;
use crate::gateway::Pass;

/// Lines waiting to be written to the agent, and outputs waiting to be stored.
const MAX_WAITING_LINES: usize = 64;
const MAX_WAITING_OUTPUTS: usize = 256;

/// The most outputs handed over at once.
const MAX_OUTPUTS_AT_ONCE: usize = 64;

/// The time that an agent has to answer a control request.
const UNTIL_ANSWERED: Duration = Duration::from_secs(30);
const UNTIL_METERED: Duration = Duration::from_secs(1);

/// The time that an agent has to end by itself, and then after SIGTERM.
const UNTIL_TERMINATED: Duration = Duration::from_secs(3);
const UNTIL_KILLED: Duration = Duration::from_secs(2);

/// The outputs of one agent in order: its own, and those that the gateway reports of it. The queue ends when
/// every sender is gone.
pub(super) struct OutputQueue {
    pub(super) sender: mpsc::Sender<AgentOutput>,
    receiver: mpsc::Receiver<AgentOutput>,
}

impl OutputQueue {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING_OUTPUTS);
        Self { sender, receiver }
    }
}

/// The agent's end of the line; dropping it kills the agent and all it started.
#[derive(Debug)]
pub(super) struct ClaudeProcess {
    group: Pid,
    tree: Arc<ProcessTree>,
    socket: Option<SocketGuard>,
    /// Absent once the agent's input is closed.
    lines: Mutex<Option<mpsc::Sender<Value>>>,
    answers: Answers,
    exit: watch::Receiver<Option<String>>,
}

/// The parts that belong to a program for as long as it runs.
#[derive(Debug)]
pub(super) struct Attached {
    /// The first request, which the agent answers when it is up; nothing waits for that.
    pub(super) first_line: Value,
    pub(super) tree: ProcessTree,
    /// The cell that gets the process id.
    pub(super) started: Arc<OnceLock<u32>>,
    /// The pass with which it reaches a model, where it needs one.
    pub(super) pass: Option<Pass>,
    pub(super) setup: LoadedSetup,
    pub(super) socket: Option<SocketGuard>,
    /// The folders whose size is watched while it runs.
    pub(super) own_folders: Option<OwnFolders>,
    /// What it is extended with, for as long as it runs.
    pub(super) extensions: Option<ExtensionFolder>,
}

/// What the program loads because the server says so. It does not tell this by itself.
#[derive(Clone, Debug)]
pub(super) struct LoadedSetup {
    pub(super) trust: Trust,
    pub(super) extensions: Option<Box<LoadedExtensions>>,
}

impl ClaudeProcess {
    /// Starts the program. The attached parts end with it.
    pub(super) fn spawn(
        mut command: Command,
        outputs: OutputQueue,
        Attached { first_line, tree, started, pass, setup, socket, own_folders, extensions }: Attached,
    ) -> Result<RunningAgent, AgentError> {
        let not_started = |why: String| AgentError::NotStarted(why);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| not_started(error.to_string()))?;
        let (Some(pid), Some(stdin), Some(stdout), Some(stderr)) =
            (child.id(), child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(not_started("it has no pipes".to_owned()));
        };
        started.set(pid).ok();
        let (lines, waiting_lines) = mpsc::channel(MAX_WAITING_LINES);
        let OutputQueue { sender: outputs, receiver: waiting_outputs } = outputs;
        let (exited, exit) = watch::channel(None);
        let answers = Answers::default();
        tokio::spawn(write_lines(stdin, waiting_lines));
        tokio::spawn(read_lines(stdout, outputs, lines.downgrade(), answers.clone()));
        let tree = Arc::new(tree);
        let own_paths = own_folders.as_ref().map(|own| own.paths.clone()).unwrap_or_default();
        let reports = FileReports { own_paths };
        if let Some(own_folders) = own_folders {
            tokio::spawn(own_folders.watch(Arc::clone(&tree), exit.clone()));
        }
        let program = RunningProgram { child, pass, tree: Arc::clone(&tree), extensions, exited };
        tokio::spawn(program.wait(stderr));
        lines.try_send(first_line).ok();
        let group = Pid::from_raw(i32::try_from(pid).map_err(|error| not_started(error.to_string()))?);
        let (outputs, exit_seen, answered) = (waiting_outputs, exit.clone(), answers.clone());
        let outputs = ClaudeOutputs { outputs, exit: exit_seen, answers: answered, setup, reports };
        let process = Self { group, tree, socket, lines: Mutex::new(Some(lines)), answers, exit };
        Ok(RunningAgent { input: Arc::new(process), outputs: Box::new(outputs) })
    }

    async fn say(&self, line: Value) -> Result<(), AgentError> {
        let lines = self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        lines.ok_or(AgentError::Ended)?.send(line).await.map_err(|_| AgentError::Ended)
    }

    /// Sends a control request and waits for its answer.
    async fn ask(&self, request: ControlRequest) -> Result<Value, AgentError> {
        let answer = self.answers.expect(request.id);
        self.say(request.line).await?;
        let mut exit = self.exit.clone();
        let answered = tokio::select! {
            answered = tokio::time::timeout(UNTIL_ANSWERED, answer) => answered,
            _ = exit.wait_for(Option::is_some) => return Err(AgentError::Ended),
        };
        match answered {
            Ok(Ok(answer)) => answer.map_err(AgentError::Refused),
            Ok(Err(_)) | Err(_) => Err(AgentError::Ended),
        }
    }

    async fn ends_within(&self, limit: Duration) -> bool {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some);
        tokio::time::timeout(limit, ended).await.is_ok()
    }

    fn signal(&self, signal: Signal) {
        if self.exit.borrow().is_none() {
            // The process may have ended just now.
            killpg(self.group, signal).ok();
        }
    }
}

#[async_trait]
impl AgentInput for ClaudeProcess {
    async fn prompt(&self, turn: TurnId, text: &str, attachments: &[Attachment]) -> Result<(), AgentError> {
        if let Some(why) = self.socket.as_ref().and_then(|guard| guard.check().err()) {
            self.tree.end_because(why.to_string()).await;
            return Err(why);
        }
        self.say(outgoing::prompt(turn, text, attachments)).await
    }

    async fn answer(
        &self,
        request_id: &str,
        settled: &SettledRequest,
        mode_after: Option<PermissionMode>,
    ) -> Result<(), AgentError> {
        self.say(outgoing::answer(request_id, settled, mode_after)).await
    }

    async fn answer_gate(
        &self,
        gate_id: &str,
        verdict: GateVerdict<'_>,
        updated_input: Option<&Value>,
    ) -> Result<(), AgentError> {
        self.say(outgoing::gate(gate_id, verdict, updated_input)).await
    }

    async fn withdraw(&self, message: TurnId) -> Result<(), AgentError> {
        self.say(outgoing::withdraw(message)).await
    }

    async fn change_mode(&self, mode: PermissionMode) -> Result<(), AgentError> {
        let request = outgoing::change_mode(mode);
        if mode != PermissionMode::BypassPermissions {
            return self.say(request.line).await;
        }
        let answer = self.answers.expect(request.id);
        self.say(request.line).await?;
        let lines = self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        tokio::spawn(ask_unless_bypassed(answer, lines.map(|lines| lines.downgrade())));
        Ok(())
    }

    async fn change_model(&self, model: Option<&str>) -> Result<(), AgentError> {
        self.say(outgoing::change_model(model)).await
    }

    async fn meter(&self) -> Result<AgentOutput, AgentError> {
        let spent = tokio::time::timeout(UNTIL_METERED, self.ask(outgoing::usage())).await;
        Ok(result_line::metered(&spent.map_err(|_| AgentError::Ended)??))
    }

    async fn usage(&self) -> Option<ProcessUsage> {
        usage::measure(&self.tree).await
    }

    async fn rewind(&self, turn: TurnId) -> Result<Vec<String>, AgentError> {
        let planned = self.ask(outgoing::rewind(turn, true)).await?;
        if planned["canRewind"] != true {
            let why = planned["error"].as_str().unwrap_or("the agent keeps no files of this turn");
            return Err(AgentError::Refused(why.to_owned()));
        }
        self.ask(outgoing::rewind(turn, false)).await?;
        let files = planned["filesChanged"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(files.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.tree.kill_all().await;
        // The output is read to the end before the agent counts as ended.
        self.ends_within(UNTIL_KILLED).await;
    }

    async fn interrupt(&self) -> Result<(), AgentError> {
        self.say(outgoing::interrupt()).await
    }

    async fn stop_work(&self, task_id: &str) -> Result<(), AgentError> {
        self.say(outgoing::stop_task(task_id)).await
    }

    async fn stop(&self) {
        // With its turn aborted and its input closed the agent ends by itself.
        self.interrupt().await.ok();
        drop(self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
        if !self.ends_within(UNTIL_TERMINATED).await {
            self.signal(Signal::SIGTERM);
            if !self.ends_within(UNTIL_KILLED).await {
                self.signal(Signal::SIGKILL);
            }
        }
        self.tree.kill_all().await;
    }
}

/// An agent bypasses permissions only if it was started so. One that refuses goes on asking, and the session
/// lets everything through.
async fn ask_unless_bypassed(
    answer: oneshot::Receiver<Result<Value, String>>,
    lines: Option<mpsc::WeakSender<Value>>,
) {
    let Ok(Ok(Err(_))) = tokio::time::timeout(UNTIL_ANSWERED, answer).await else { return };
    if let Some(lines) = lines.and_then(|lines| lines.upgrade()) {
        // One that has ended asks nothing.
        lines.send(outgoing::change_mode(PermissionMode::Default).line).await.ok();
    }
}

impl Drop for ClaudeProcess {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.tree.kill_once();
    }
}

/// The outputs of the agent, and its end.
struct ClaudeOutputs {
    outputs: mpsc::Receiver<AgentOutput>,
    exit: watch::Receiver<Option<String>>,
    answers: Answers,
    setup: LoadedSetup,
    reports: FileReports,
}

#[async_trait]
impl AgentOutputs for ClaudeOutputs {
    async fn next(&mut self) -> Result<Vec<AgentOutput>, AgentExit> {
        let mut outputs = Vec::new();
        if self.outputs.recv_many(&mut outputs, MAX_OUTPUTS_AT_ONCE).await > 0 {
            for output in &mut outputs {
                if let AgentOutput::Initialized(profile) = output {
                    profile.trusted_folder = self.setup.trust == Trust::Trusted;
                    profile.extensions.clone_from(&self.setup.extensions);
                }
                self.reports.set_right(output).await;
            }
            return Ok(outputs);
        }
        let detail = match self.exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().unwrap_or_default(),
            Err(_) => "nobody waited for it".to_owned(),
        };
        Err(AgentExit { detail, at_start: !self.answers.any_came() })
    }
}

/// The only writer to the agent's input. Ends, and closes it, when every sender is gone.
async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::Receiver<Value>) {
    while let Some(line) = lines.recv().await {
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        if stdin.write_all(&bytes).await.is_err() {
            return; // The agent has ended; its exit says why.
        }
    }
}

/// The agent's program until its end.
struct RunningProgram {
    child: Child,
    pass: Option<Pass>,
    tree: Arc<ProcessTree>,
    extensions: Option<ExtensionFolder>,
    exited: watch::Sender<Option<String>>,
}

impl RunningProgram {
    /// Waits for the end, ends the processes that outlive it, and reports how it came.
    async fn wait(self, stderr: impl AsyncRead + Unpin) {
        let Self { mut child, pass, tree, extensions, exited } = self;
        let tail = Mutex::new(Vec::new());
        let drained = drain(stderr, &tail);
        tokio::pin!(drained);
        let status = tokio::select! {
            status = child.wait() => {
                drop(pass);
                // The agent's last words are in the pipe; a child of its own may hold the pipe open for ever.
                drop(tokio::time::timeout(Duration::from_millis(200), &mut drained).await);
                status
            }
            () = &mut drained => {
                let status = child.wait().await;
                drop(pass);
                status
            }
        };
        // Processes that outlive the agent would hold its output open. They are ended before the end is
        // reported, for then the session's next agent may start.
        tree.kill_rest().await;
        drop(extensions);
        let tail = tail.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let how = tree.why().map_or_else(|| describe(status, &tail), str::to_owned);
        exited.send_replace(Some(how));
    }
}
