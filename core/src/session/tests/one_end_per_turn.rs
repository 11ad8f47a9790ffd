//! Whatever is asked in whatever order, turns begin one at a time and each ends exactly once.

use cqrs_es::Aggregate;

use super::samples::{opened, profile, report, said, spend, start, submit};
use crate::Session;
use crate::agent::{AgentOutcome, AgentOutput};
use crate::ids::TurnId;
use crate::session::command::{Recording, SessionCommand, WhileRunning};
use crate::session::event::{FailureCause, Initiator, InterruptCause, SessionEvent};

const STEPS: u32 = 20_000;

#[test]
fn every_turn_ends_exactly_once_before_the_next_begins() {
    for seed in 1..=10 {
        let mut running = None;
        let mut ends = 0;

        for event in history(seed) {
            if let SessionEvent::TurnStarted { turn, .. } = event {
                assert_eq!(running.replace(turn), None, "seed {seed}: {turn} began beside another");
            } else if let Some(turn) = ended(&event) {
                assert_eq!(running.take(), Some(turn), "seed {seed}: {turn} ended but did not run");
                ends += 1;
            }
        }

        assert!(ends > 1000, "seed {seed} hardly tried: {ends}");
    }
}

#[test]
fn prompts_begin_in_the_order_in_which_they_came() {
    for seed in 1..=10 {
        let events = history(seed);

        let begun: Vec<TurnId> = events.iter().filter_map(begun_by_prompt).collect();

        let submitted = events.iter().filter_map(submitted).take(begun.len());
        assert!(begun.len() > 1000, "seed {seed} hardly tried: {}", begun.len());
        assert_eq!(begun, submitted.collect::<Vec<_>>(), "seed {seed}");
    }
}

fn submitted(event: &SessionEvent) -> Option<TurnId> {
    if let SessionEvent::PromptSubmitted { turn, .. } = event { Some(*turn) } else { None }
}

fn begun_by_prompt(event: &SessionEvent) -> Option<TurnId> {
    let SessionEvent::TurnStarted { turn, initiator: Initiator::Prompt, .. } = event else { return None };
    Some(*turn)
}

fn ended(event: &SessionEvent) -> Option<TurnId> {
    match event {
        SessionEvent::TurnCompleted(completed) => Some(completed.turn),
        SessionEvent::TurnFailed { turn, .. } | SessionEvent::TurnInterrupted { turn, .. } => Some(*turn),
        SessionEvent::SessionOpened(_)
        | SessionEvent::PromptSubmitted { .. }
        | SessionEvent::TurnStarted { .. }
        | SessionEvent::AgentInitialized { .. }
        | SessionEvent::AssistantText { .. }
        | SessionEvent::AssistantThinking { .. }
        | SessionEvent::ToolUsed { .. }
        | SessionEvent::ToolReturned { .. }
        | SessionEvent::FileChanged { .. }
        | SessionEvent::PermissionRequested { .. }
        | SessionEvent::PermissionDecided { .. }
        | SessionEvent::ApiRetried { .. }
        | SessionEvent::RateLimited { .. }
        | SessionEvent::ContextCompacted { .. }
        | SessionEvent::AgentMessage { .. }
        | SessionEvent::InterruptRequested { .. } => None,
    }
}

/// What happens to a session of which things are asked at random.
fn history(seed: u64) -> Vec<SessionEvent> {
    let mut session = Session::default();
    let mut events = vec![opened()];
    session.apply(opened());
    let mut random = Random(seed);
    for step in 1..=STEPS {
        // What is refused changes nothing.
        for event in session.decide(command(&mut random, step)).unwrap_or_default() {
            session.apply(event.clone());
            events.push(event);
        }
    }
    events
}

fn command(random: &mut Random, step: u32) -> SessionCommand {
    match random.below(14) {
        0..4 => submit(step.into(), WhileRunning::Queue),
        4 => submit(step.into(), WhileRunning::Refuse),
        5..8 => start(),
        8 => SessionCommand::RequestInterrupt { by: "ada".into() },
        9 => SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped },
        10 => SessionCommand::FailTurn { cause: FailureCause::AgentDied, detail: String::new() },
        _ => SessionCommand::Record(Box::new(Recording {
            output: output(random),
            process: super::samples::process(1),
            runtime_version: String::new(),
            node: String::new(),
            spare_turn: super::samples::turn(u128::from(step) + u128::from(STEPS)),
        })),
    }
}

fn output(random: &mut Random) -> AgentOutput {
    let outcome = match random.below(10) {
        0 => return said("hello"),
        1 => return AgentOutput::Initialized(profile("opus")),
        2 => return AgentOutput::Initialized(profile("haiku")),
        3 => AgentOutcome::Aborted,
        4 => AgentOutcome::Failed,
        5 => AgentOutcome::ApiError { status: None },
        6 => AgentOutcome::MaxTurns,
        _ => AgentOutcome::Succeeded,
    };
    AgentOutput::TurnEnded(Box::new(report(outcome, &spend(random.below(1000)))))
}

/// A linear congruential generator: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
