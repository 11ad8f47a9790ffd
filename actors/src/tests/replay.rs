//! Agents whose words a test puts into their mouths, and which tell it what they hear.

mod hook_programs;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use runner_core::agent::{AgentOutput, PermissionMode};
use runner_core::agent_protection::AgentProtection;
use runner_core::ids::{SessionId, TurnId};
use runner_core::ports::{
    AgentError, AgentExit, AgentFile, AgentInput, AgentLaunch, AgentOutputs, AgentPlace, AgentRuntime,
    AgentStatus, BuiltInAgent, GateVerdict, ProcessUsage, RunningAgent, Swept, ToolInfo,
};
use runner_core::prompt::Attachment;
use runner_core::request::Decision;
use runner_core::session::fork::ConversationPart;
use runner_core::session::requests::SettledRequest;
use serde_json::Value;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, mpsc, watch};
use uuid::Uuid;

/// How long a test waits for something that is about to happen.
const PATIENCE: Duration = Duration::from_secs(8);

/// More than any test says or starts.
const MAX_WAITING: usize = 256;

/// Starts agents and hands them to the test.
pub(super) struct ReplayRunner {
    started: mpsc::Sender<Agent>,
    agents: tokio::sync::Mutex<mpsc::Receiver<Agent>>,
    running: Arc<watch::Sender<usize>>,
    sweeps: AtomicUsize,
    /// Why agents cannot be started, if they cannot.
    problem: Mutex<Option<AgentError>>,
    /// What an agent that starts sees of the machine.
    place: Mutex<AgentPlace>,
    discarded: Mutex<Vec<SessionId>>,
    /// Agents answer nothing that they are asked.
    is_mute: Arc<AtomicBool>,
    /// What an agent says last when it is stopped or killed.
    last_words: Arc<Mutex<Vec<AgentOutput>>>,
    /// Held while no agent dies.
    dying: Arc<RwLock<()>>,
}

impl Default for ReplayRunner {
    fn default() -> Self {
        let (started, agents) = mpsc::channel(MAX_WAITING);
        let (running, sweeps, problem) = (Arc::default(), AtomicUsize::new(0), Mutex::default());
        let (place, discarded) = (Mutex::new(AgentPlace("here".into())), Mutex::default());
        let (is_mute, last_words, dying) = (Arc::default(), Arc::default(), Arc::default());
        let agents = tokio::sync::Mutex::new(agents);
        Self { started, agents, running, sweeps, problem, place, discarded, is_mute, last_words, dying }
    }
}

impl ReplayRunner {
    /// The next agent that is started.
    pub(super) async fn agent(&self) -> Agent {
        let next = async { self.agents.lock().await.recv().await };
        let agent = tokio::time::timeout(PATIENCE, next).await;
        agent.expect("an agent was expected to be started").expect("the runner lives")
    }

    /// How many agents were started that the test has not taken.
    pub(super) async fn untaken(&self) -> usize {
        self.agents.lock().await.len()
    }

    /// How many agents run.
    pub(super) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until no agent runs.
    pub(super) async fn when_none_runs(&self) {
        let mut running = self.running.subscribe();
        let none = tokio::time::timeout(PATIENCE, running.wait_for(|count| *count == 0)).await;
        assert!(none.is_ok(), "agents still run");
    }

    /// What agents see from now on is something else.
    pub(super) fn change_place(&self) {
        *self.place.lock().unwrap() = AgentPlace("elsewhere".into());
    }

    /// The sessions for which agents were started in vain.
    pub(super) fn discarded(&self) -> Vec<SessionId> {
        self.discarded.lock().unwrap().clone()
    }

    pub(super) fn sweeps(&self) -> usize {
        self.sweeps.load(Ordering::SeqCst)
    }

    /// Lets every agent hear what it is asked and not answer.
    pub(super) fn answer_no_more(&self) {
        self.is_mute.store(true, Ordering::SeqCst);
    }

    /// Lets the next agent that is killed take until the guard is dropped.
    pub(super) async fn delay_death(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.dying).write_owned().await
    }

    /// Lets the next agent that is stopped or killed say this before its end.
    pub(super) fn says_when_ended(&self, output: AgentOutput) {
        self.last_words.lock().unwrap().push(output);
    }

    /// Lets every start fail from now on.
    pub(super) fn break_down(&self, why: AgentError) {
        *self.problem.lock().unwrap() = Some(why);
    }
}

#[async_trait]
impl AgentRuntime for ReplayRunner {
    async fn check(&self) -> Result<String, AgentError> {
        match self.status().problem {
            Some(problem) => Err(AgentError::NotInstalled(problem)),
            None => Ok("2.1.332".to_owned()),
        }
    }

    async fn start(&self, launch: AgentLaunch) -> Result<RunningAgent, AgentError> {
        tokio::task::yield_now().await;
        if let Some(problem) = self.problem.lock().unwrap().clone() {
            return Err(problem);
        }
        let (mouth, outputs) = mpsc::channel(MAX_WAITING);
        let (heard, ears) = mpsc::channel(MAX_WAITING);
        let (stop, stopped) = watch::channel(false);
        self.running.send_modify(|count| *count += 1);
        let input = ReplayInput {
            is_mute: Arc::clone(&self.is_mute),
            last_words: Arc::clone(&self.last_words),
            dying: Arc::clone(&self.dying),
            mouth: mouth.downgrade(),
            heard,
            stop,
            running: Arc::clone(&self.running),
        };
        self.started.try_send(Agent { launch, mouth, ears }).expect("the test takes its agents");
        Ok(RunningAgent { input: Arc::new(input), outputs: Box::new(ReplayOutputs { outputs, stopped }) })
    }

    fn status(&self) -> AgentStatus {
        AgentStatus {
            program: Some("/bin/replay".into()),
            version: Some("2.1".into()),
            credentials: "offline",
            gateway: false,
            offline: true,
            protection: AgentProtection::default(),
            problem: None,
        }
    }

    fn tools(&self) -> &'static [ToolInfo] {
        &[]
    }

    fn built_in_agents(&self) -> &'static [BuiltInAgent] {
        &[]
    }

    /// One file, which has nothing in it but the mark: what was looked for is what is kept.
    async fn files(&self, _: SessionId, _: Uuid, mark: &str) -> Vec<AgentFile> {
        tokio::task::yield_now().await;
        vec![AgentFile { path: "transcript".into(), bytes: mark.into() }]
    }

    async fn fork_files(
        &self,
        _: (SessionId, SessionId),
        _: Vec<ConversationPart>,
        stored: Vec<AgentFile>,
    ) -> Vec<AgentFile> {
        stored
    }

    async fn may_have_connected(&self, _: std::net::SocketAddr, _: std::net::SocketAddr) -> bool {
        false // It starts no programs.
    }

    async fn start_ahead(&self, launch: AgentLaunch) -> Result<(RunningAgent, AgentPlace), AgentError> {
        Ok((self.start(launch).await?, self.place.lock().unwrap().clone()))
    }

    async fn adopt(&self, _: &AgentLaunch, place: &AgentPlace) -> bool {
        tokio::task::yield_now().await;
        *self.place.lock().unwrap() == *place
    }

    async fn discard(&self, session: SessionId) {
        tokio::task::yield_now().await;
        self.discarded.lock().unwrap().push(session);
    }

    async fn sweep(&self) -> Swept {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        Swept::default()
    }

    async fn forget_left_calls(&self) {}
}

/// Something that was said to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Prompt(TurnId, String),
    /// The answer to a request, by the id under which the agent waits for it.
    Answer(String, Decision),
    /// A tool use may come to its own rules.
    Pass(String),
    /// People are to be asked about a tool use.
    Ask(String),
    Allowance(String),
    /// A tool use is refused at its gate, and why.
    Refusal(String, String),
    /// A tool use was decided about before.
    Settled(String, Decision),
    Mode(PermissionMode),
    Model(Option<String>),
    Rewind(TurnId),
    Interrupt,
    StopWork(String),
    Kill,
    Stop,
}

/// The test's side of a started agent. The agent dies when it is dropped.
pub(super) struct Agent {
    pub(super) launch: AgentLaunch,
    mouth: mpsc::Sender<Vec<AgentOutput>>,
    ears: mpsc::Receiver<Heard>,
}

impl Agent {
    /// Says these things in one go.
    pub(super) async fn says(&self, outputs: impl IntoIterator<Item = AgentOutput>) {
        self.mouth.send(outputs.into_iter().collect()).await.expect("somebody listens to the agent");
    }

    /// The next thing said to it.
    pub(super) async fn hears(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.ears.recv()).await;
        heard.expect("something was expected to be said to the agent").expect("somebody speaks to the agent")
    }

    /// Whether nothing was said to it that the test has not taken.
    pub(super) fn has_heard_all(&self) -> bool {
        self.ears.is_empty()
    }
}

struct ReplayInput {
    last_words: Arc<Mutex<Vec<AgentOutput>>>,
    dying: Arc<RwLock<()>>,
    mouth: mpsc::WeakSender<Vec<AgentOutput>>,
    is_mute: Arc<AtomicBool>,
    heard: mpsc::Sender<Heard>,
    stop: watch::Sender<bool>,
    running: Arc<watch::Sender<usize>>,
}

impl ReplayInput {
    async fn say_last_words(&self) {
        let last_words = std::mem::take(&mut *self.last_words.lock().unwrap());
        if !last_words.is_empty()
            && let Some(mouth) = self.mouth.upgrade()
        {
            mouth.send(last_words).await.ok();
        }
    }

    fn hear(&self, heard: Heard) -> Result<(), AgentError> {
        // Its test may have dropped it: it is dead.
        self.heard.try_send(heard).map_err(|_| AgentError::Ended)
    }
}

#[async_trait]
impl AgentInput for ReplayInput {
    async fn prompt(&self, turn: TurnId, text: &str, _: &[Attachment]) -> Result<(), AgentError> {
        self.hear(Heard::Prompt(turn, text.to_owned()))
    }

    async fn answer(
        &self,
        request_id: &str,
        settled: &SettledRequest,
        mode_after: Option<PermissionMode>,
    ) -> Result<(), AgentError> {
        self.hear(Heard::Answer(request_id.to_owned(), settled.settlement.decision))?;
        mode_after.map_or(Ok(()), |mode| self.hear(Heard::Mode(mode)))
    }

    async fn answer_gate(
        &self,
        gate_id: &str,
        verdict: GateVerdict<'_>,
        _: Option<&Value>,
    ) -> Result<(), AgentError> {
        let gate_id = gate_id.to_owned();
        self.hear(match verdict {
            GateVerdict::Pass => Heard::Pass(gate_id),
            GateVerdict::Ask(_) => Heard::Ask(gate_id),
            GateVerdict::Allow => Heard::Allowance(gate_id),
            GateVerdict::Refuse(message) => Heard::Refusal(gate_id, message.to_owned()),
            GateVerdict::Settled(settled) => Heard::Settled(gate_id, settled.settlement.decision),
        })
    }

    async fn withdraw(&self, _: TurnId) -> Result<(), AgentError> {
        Ok(())
    }

    async fn change_mode(&self, mode: PermissionMode) -> Result<(), AgentError> {
        self.hear(Heard::Mode(mode))
    }

    async fn change_model(&self, model: Option<&str>) -> Result<(), AgentError> {
        self.hear(Heard::Model(model.map(str::to_owned)))
    }

    async fn meter(&self) -> Result<AgentOutput, AgentError> {
        Err(AgentError::Refused("it has no meter".to_owned()))
    }

    async fn usage(&self) -> Option<ProcessUsage> {
        None // It is played by the test itself.
    }

    async fn rewind(&self, turn: TurnId) -> Result<Vec<String>, AgentError> {
        self.hear(Heard::Rewind(turn))?;
        if self.is_mute.load(Ordering::SeqCst) {
            // Whoever asked is told when it has ended.
            self.stop.subscribe().wait_for(|stopped| *stopped).await.ok();
            return Err(AgentError::Ended);
        }
        Ok(vec![])
    }

    async fn kill(&self) {
        tokio::task::yield_now().await;
        self.hear(Heard::Kill).ok();
        let _alive = self.dying.read().await;
        self.say_last_words().await;
        self.stop.send_replace(true);
    }

    async fn interrupt(&self) -> Result<(), AgentError> {
        self.hear(Heard::Interrupt)
    }

    async fn stop_work(&self, task_id: &str) -> Result<(), AgentError> {
        self.hear(Heard::StopWork(task_id.to_owned()))
    }

    async fn stop(&self) {
        tokio::task::yield_now().await;
        self.hear(Heard::Stop).ok();
        self.say_last_words().await;
        self.stop.send_replace(true);
    }
}

impl Drop for ReplayInput {
    fn drop(&mut self) {
        self.running.send_modify(|count| *count -= 1);
    }
}

struct ReplayOutputs {
    outputs: mpsc::Receiver<Vec<AgentOutput>>,
    stopped: watch::Receiver<bool>,
}

#[async_trait]
impl AgentOutputs for ReplayOutputs {
    async fn next(&mut self) -> Result<Vec<AgentOutput>, AgentExit> {
        let exit = |detail: &str| Err(AgentExit { detail: detail.into(), at_start: false });
        tokio::select! {
            biased;
            outputs = self.outputs.recv() => outputs.map_or_else(|| exit("signal: 9"), Ok),
            _ = self.stopped.wait_for(|stopped| *stopped) => exit("exit status: 0"),
        }
    }
}
