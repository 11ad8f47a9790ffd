//! A transcript told to a session as if its agent spoke now: the session's own rules make the events.

use runner_core::agent::{AgentOutput, AgentProfile};
use runner_core::ids::{ProcessId, TurnId};
use runner_core::log::Aggregate as _;
use runner_core::session::Session;
use runner_core::session::adoption::PastEvent;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::event::{InterruptCause, PromptEvent, SessionEvent, SessionOpened};
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::time::Timestamp;

use super::line::{Line, Meaning, Written};
use super::subagent::Subagents;
use super::turn::Turn;
use super::usage::Meter;

/// The name of the server in sessions that were imported.
const NODE: &str = "import";

/// The session so far and what has become of it.
pub(super) struct Retelling<'a> {
    session: Session,
    events: Vec<PastEvent>,
    /// When that happens which is told now.
    clock: Option<Timestamp>,
    subagents: Subagents<'a>,
    meter: Meter,
    turn: Option<Turn>,
    /// Tools whose results are missing.
    open_tool_uses: Vec<String>,
    /// Compactions between turns; they are reported with the turn that follows.
    held: Vec<AgentOutput>,
    owner: String,
    /// All processes of the conversation are gone; one id stands for them.
    process: ProcessId,
    /// The profile of the agent, as far as it is known.
    profile: AgentProfile,
}

impl<'a> Retelling<'a> {
    pub(super) fn of(
        opened: SessionOpened,
        opened_at: Option<Timestamp>,
        subagents: Subagents<'a>,
        meter: Meter,
    ) -> Self {
        let mut retelling = Self {
            session: Session::default(),
            events: vec![],
            clock: opened_at,
            subagents,
            meter,
            turn: None,
            open_tool_uses: vec![],
            held: vec![],
            owner: opened.owner.clone(),
            process: ProcessId(opened.session.0),
            profile: AgentProfile::default(),
        };
        retelling.command(SessionCommand::Open(Box::new(opened)));
        retelling
    }

    /// The events, and the subagents that no tool use of the conversation leads to.
    pub(super) fn tell(mut self, chain: &[&Line]) -> (Vec<PastEvent>, Subagents<'a>) {
        for line in chain {
            if let Some(mode) = line.permission_mode() {
                self.profile.permission_mode = mode.to_owned();
            }
            self.clock = line.at().or(self.clock);
            self.tell_line(line);
        }
        self.end_turn();
        (self.events, self.subagents)
    }

    fn tell_line(&mut self, line: &Line) {
        self.tell_meaning(line, line.meaning());
    }

    fn tell_meaning(&mut self, line: &Line, meaning: Meaning) {
        match meaning {
            Meaning::Prompt(written) => self.prompt(line, written),
            Meaning::Steering(written) => self.steer(line, written),
            Meaning::TakenUp => {
                self.end_turn();
                self.take_up(line);
            }
            Meaning::Interruption => self.interrupt(),
            Meaning::LocalOutput(text) => self.local_output(line, text),
            Meaning::Said => {
                self.take_up(line);
                self.introduce(line);
                self.said(line);
                self.change_turn(|turn| turn.said(line));
            }
            Meaning::Failure => {
                self.take_up(line);
                self.said(line);
                self.change_turn(|turn| turn.failed(line));
            }
            Meaning::ToolsReturned => {
                self.returned(line, None);
                self.change_turn(|turn| {
                    if !turn.is_interrupted() {
                        turn.returned(line)
                    }
                });
                self.tell_meaning(line, line.meaning_beside_results());
            }
            Meaning::StructuredOutput(output) => self.change_turn(|turn| turn.gave(output)),
            Meaning::TurnLimit(turns) => self.change_turn(|turn| turn.reached_limit(turns)),
            Meaning::Compaction(output) => self.compacted(line, output),
            Meaning::Nothing => return,
        }
        self.change_turn(|turn| turn.has_reached(line));
    }

    fn prompt(&mut self, line: &Line, written: Written) {
        self.end_turn();
        let Written { text, attachments, is_command } = written;
        let (turn, author) = (line.turn(), self.owner.clone());
        // Recorded without a command: a prompt of another program stays one, whatever the rules for prompts
        // are here.
        self.happened(vec![SessionEvent::Prompt(PromptEvent::Submitted { turn, text, attachments, author })]);
        let (process, runtime_version, node) = (self.process, line.runtime_version(), NODE.to_owned());
        self.command(SessionCommand::StartTurn { process, runtime_version, node });
        self.begin(line, is_command);
    }

    fn steer(&mut self, line: &Line, written: Written) {
        let Some(running) = self.session.running() else { return self.prompt(line, written) };
        let (turn, message, author) = (running.turn, line.turn(), self.owner.clone());
        let Written { text, attachments, is_command: _ } = written;
        self.happened(vec![SessionEvent::Prompt(PromptEvent::Steered {
            turn,
            message,
            text,
            attachments,
            author,
        })]);
        self.change_turn(Turn::goes_on);
    }

    /// Begins a turn of the agent's own, unless a turn runs.
    fn take_up(&mut self, line: &Line) {
        if self.turn.is_none() {
            self.introduce(line);
            self.begin(line, false);
        }
    }

    fn begin(&mut self, line: &Line, is_command: bool) {
        self.turn = Some(Turn::begin(line, is_command));
        for output in std::mem::take(&mut self.held) {
            self.record(line, output);
        }
    }

    /// Reads a compaction, which ends a turn that is answered: a transcript that grows must not change what
    /// was imported of it.
    fn compacted(&mut self, line: &Line, output: AgentOutput) {
        if self.turn.as_ref().is_some_and(Turn::is_at_work) {
            return self.record(line, output);
        }
        self.end_turn();
        self.held.push(output);
    }

    /// Reports the agent's profile at the start of a turn, as far as a transcript has it.
    fn introduce(&mut self, line: &Line) {
        if let Some(model) = line.model() {
            self.profile.model = model.to_owned();
        }
        self.profile.runtime_version = line.runtime_version();
        self.record(line, AgentOutput::Initialized(self.profile.clone()));
    }

    fn interrupt(&mut self) {
        let by = format!("user:{}", self.owner);
        self.command(SessionCommand::RequestInterrupt { by, cause: InterruptCause::User });
        self.change_turn(Turn::interrupted);
    }

    fn local_output(&mut self, line: &Line, text: String) {
        self.change_turn(|turn| turn.answered_locally(&text));
        if self.turn.is_some() && !text.is_empty() {
            let message_id = line.uuid().unwrap_or_default().to_owned();
            self.record(line, AgentOutput::Text { message_id, text, parent_tool_use_id: None });
        }
    }

    fn said(&mut self, line: &Line) {
        self.meter.read(line);
        self.open_tool_uses.extend(line.tool_uses().map(str::to_owned));
        for output in line.outputs(None) {
            self.record(line, output);
        }
    }

    fn returned(&mut self, line: &Line, parent_tool_use: Option<&str>) {
        for tool_use in line.tool_results() {
            self.open_tool_uses.retain(|open| open != tool_use);
            self.tell_subagent(tool_use);
        }
        for output in line.outputs(parent_tool_use) {
            self.record(line, output);
        }
    }

    /// Reports a subagent's work before its result, where the subagent was begun.
    fn tell_subagent(&mut self, tool_use: &str) {
        let Some(subagent) = self.subagents.take(tool_use) else { return };
        let chain = subagent.chain();
        let Some(first) = chain.first() else { return };
        let clock = self.clock;
        self.clock = first.at().or(clock);
        self.record(first, subagent.started());
        for line in &chain {
            self.clock = line.at().or(self.clock);
            self.tell_line_of_subagent(line, tool_use);
        }
        self.record(first, subagent.finished());
        self.clock = clock;
    }

    fn tell_line_of_subagent(&mut self, line: &Line, tool_use: &str) {
        match line.meaning() {
            Meaning::Said | Meaning::Failure => {
                self.meter.read(line);
                line.outputs(Some(tool_use)).into_iter().for_each(|output| self.record(line, output));
            }
            Meaning::ToolsReturned => self.returned(line, Some(tool_use)),
            // The tool use that began the subagent has its prompt.
            Meaning::Prompt(_)
            | Meaning::Steering(_)
            | Meaning::TakenUp
            | Meaning::Interruption
            | Meaning::LocalOutput(_)
            | Meaning::StructuredOutput(_)
            | Meaning::TurnLimit(_)
            | Meaning::Compaction(_)
            | Meaning::Nothing => {}
        }
    }

    fn end_turn(&mut self) {
        // The work of a subagent counts also where its result is missing.
        for tool_use in std::mem::take(&mut self.open_tool_uses) {
            self.tell_subagent(&tool_use);
        }
        let Some(turn) = self.turn.take() else { return };
        let now = std::mem::replace(&mut self.clock, turn.last_at());
        let (total, cost_basis) = self.meter.end_turn();
        let report = turn.report(total);
        if let Some(running) = self.session.running() {
            self.hear(running.turn, String::new(), AgentOutput::TurnEnded(Box::new(report)));
        }
        if let Some(PastEvent { event: SessionEvent::Turn(end), .. }) = self.events.last_mut()
            && let Some(account) = end.account_mut()
        {
            account.cost_basis = cost_basis;
        }
        self.clock = now;
    }

    fn record(&mut self, line: &Line, output: AgentOutput) {
        self.hear(line.turn(), line.runtime_version(), output);
    }

    fn hear(&mut self, spare_turn: TurnId, runtime_version: String, output: AgentOutput) {
        let (process, node) = (self.process, NODE.to_owned());
        let hooks = HooksInForce::default();
        let recording = Recording { output, process, runtime_version, node, spare_turn, hooks };
        self.command(SessionCommand::Record(Box::new(recording)));
    }

    /// Gives the session a command; one that it refuses has no effect.
    fn command(&mut self, command: SessionCommand) {
        if let Ok(effects) = self.session.decide(command) {
            self.happened(effects.events);
        }
    }

    fn happened(&mut self, events: Vec<SessionEvent>) {
        for event in events {
            self.session.apply(event.clone());
            self.events.push(PastEvent { happened_at: self.clock, event });
        }
    }

    fn change_turn(&mut self, change: impl FnOnce(&mut Turn)) {
        if let Some(turn) = &mut self.turn {
            change(turn);
        }
    }
}
