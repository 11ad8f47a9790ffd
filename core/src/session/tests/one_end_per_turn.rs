//! Whatever is asked in whatever order, turns begin one at a time and each ends exactly once; so it is with
//! the requests of the agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::samples::{
    answer, opened, permission_request, profile, report, said, settle, spend, start, submit,
};
use crate::Session;
use crate::agent::{AgentOutcome, AgentOutput};
use crate::ids::TurnId;
use crate::log::Aggregate;
use crate::request::{AgentRequest, Answer, Decision, RequestKind, ToolEffect, ToolGate};
use crate::session::command::{Recording, SessionCommand, WhileRunning};
use crate::session::event::{
    FailureCause, Initiator, InterruptCause, ParkCause, PromptEvent, RequestEvent, SessionEvent, TurnEvent,
};
use crate::session::hooks_in_force::HooksInForce;

const STEPS: u32 = 20_000;

#[test]
fn every_turn_ends_exactly_once_before_the_next_begins() {
    for seed in 1..=10 {
        let mut running = None;
        let mut ends = 0;

        for event in history(seed) {
            if let SessionEvent::Turn(TurnEvent::Started { turn, .. }) = event {
                assert_eq!(running.replace(turn), None, "seed {seed}: {turn} began beside another");
            } else if let Some(turn) = event.ended_turn() {
                assert_eq!(running.take(), Some(turn), "seed {seed}: {turn} ended but did not run");
                ends += 1;
            }
        }

        assert!(ends > 300, "seed {seed} hardly tried: {ends}");
    }
}

#[test]
fn prompts_begin_in_the_order_in_which_they_came() {
    for seed in 1..=10 {
        let events = history(seed);

        let begun: Vec<TurnId> = events.iter().filter_map(begun_by_prompt).collect();

        let withdrawn: BTreeSet<TurnId> = events.iter().filter_map(withdrawn).collect();
        let submitted = events.iter().filter_map(submitted).filter(|turn| !withdrawn.contains(turn));
        let submitted = submitted.take(begun.len());
        assert!(begun.len() > 300, "seed {seed} hardly tried: {}", begun.len());
        assert_eq!(begun, submitted.collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "other events have no part in requests")]
fn every_request_is_decided_or_withdrawn_at_most_once_and_released_at_most_once_after_that() {
    for seed in 1..=10 {
        let (mut waiting, mut decided) = (BTreeSet::new(), BTreeSet::new());
        let mut released = 0;

        for event in history(seed) {
            match &event {
                SessionEvent::Request(RequestEvent::Asked(asked)) => {
                    assert!(waiting.insert(asked.request.request_id.clone()), "seed {seed}: {event:?}");
                }
                SessionEvent::Request(RequestEvent::Decided(settled)) => {
                    let request_id = settled.settlement.request_id.clone();
                    assert!(waiting.remove(&request_id), "seed {seed}: {event:?}");
                    decided.insert(request_id);
                }
                SessionEvent::Request(RequestEvent::Withdrawn { request_id, .. }) => {
                    assert!(waiting.remove(request_id), "seed {seed}: {event:?}");
                }
                SessionEvent::Request(RequestEvent::Released { request_id, .. }) => {
                    assert!(decided.remove(request_id), "seed {seed}: {event:?}");
                    released += 1;
                }
                ended if ended.ended_turn().is_some() => {
                    waiting.clear();
                    decided.clear();
                }
                _ => {}
            }
        }

        assert!(released > 200, "seed {seed} hardly tried: {released}");
    }
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "other events have no part in parking")]
fn nothing_is_released_while_a_turn_is_parked() {
    for seed in 1..=10 {
        let mut parked = false;
        let mut times = 0;

        for event in history(seed) {
            match &event {
                SessionEvent::Turn(TurnEvent::Parked { .. }) => (parked, times) = (true, times + 1),
                SessionEvent::Request(RequestEvent::Released { .. }) => {
                    assert!(!parked, "seed {seed}: {event:?}");
                }
                SessionEvent::Turn(TurnEvent::Resumed(_)) => parked = false,
                ended if ended.ended_turn().is_some() => parked = false,
                _ => {}
            }
        }

        assert!(times > 100, "seed {seed} hardly tried: {times}");
    }
}

fn withdrawn(event: &SessionEvent) -> Option<TurnId> {
    if let SessionEvent::Prompt(PromptEvent::Withdrawn { turn, .. }) = event { Some(*turn) } else { None }
}

fn submitted(event: &SessionEvent) -> Option<TurnId> {
    if let SessionEvent::Prompt(PromptEvent::Submitted { turn, .. }) = event { Some(*turn) } else { None }
}

fn begun_by_prompt(event: &SessionEvent) -> Option<TurnId> {
    let SessionEvent::Turn(TurnEvent::Started { turn, initiator: Initiator::Prompt, .. }) = event else {
        return None;
    };
    Some(*turn)
}

/// What happens to a session of which things are asked at random. A process that is gone says nothing.
fn history(seed: u64) -> Vec<SessionEvent> {
    let mut session = Session::default();
    let mut events = vec![opened()];
    session.apply(opened());
    let mut random = Random(seed);
    for step in 1..=STEPS {
        let command = command(&mut random, step, &session);
        let is_parked = session.running().is_some_and(|running| running.parked);
        if is_parked && matches!(command, SessionCommand::Record(_) | SessionCommand::Release { .. }) {
            continue;
        }
        // What is refused changes nothing.
        for event in session.decide(command).unwrap_or_default().events {
            session.apply(event.clone());
            events.push(event);
        }
    }
    events
}

fn command(random: &mut Random, step: u32, session: &Session) -> SessionCommand {
    match random.below(26) {
        0..4 => submit(step.into(), WhileRunning::Queue),
        4 => submit(step.into(), WhileRunning::Refuse),
        5..8 => start(),
        8 if random.below(3) == 0 => {
            SessionCommand::RequestInterrupt { by: "ada".into(), cause: InterruptCause::User }
        }
        9 if random.below(3) == 0 => SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped },
        10 if random.below(3) == 0 => {
            SessionCommand::FailTurn { cause: FailureCause::AgentDied, detail: String::new() }
        }
        11..14 => settle_one(random, session),
        14..16 => SessionCommand::Release { process: super::samples::process(1) },
        16..18 => SessionCommand::Park { cause: ParkCause::Idle },
        18..20 => SessionCommand::Resume {
            process: super::samples::process(step.into()),
            runtime_version: String::new(),
            node: String::new(),
        },
        _ => SessionCommand::Record(Box::new(Recording {
            output: output(random, step),
            process: session.running().map_or(super::samples::process(1), |running| running.process),
            runtime_version: String::new(),
            node: String::new(),
            spare_turn: super::samples::turn(u128::from(step) + u128::from(STEPS)),
            hooks: HooksInForce::default(),
        })),
    }
}

fn settle_one(random: &mut Random, session: &Session) -> SessionCommand {
    let waiting = session.waiting();
    let request_id = match waiting.len() {
        0 => "r0",
        count => &waiting[usize::try_from(random.below(count as u64)).unwrap()].request.request_id,
    };
    let allowed = answer(Decision::Allow);
    settle(request_id, Answer { remember: random.below(10) == 0, ..allowed })
}

fn output(random: &mut Random, step: u32) -> AgentOutput {
    let tool_use_id = format!("tool-{}", random.below(4));
    let outcome = match random.below(24) {
        0 => return said("hello"),
        1 => return AgentOutput::Initialized(profile("opus")),
        2 => return AgentOutput::Initialized(profile("haiku")),
        3 => AgentOutcome::Aborted,
        4 => AgentOutcome::Failed,
        5 => AgentOutcome::ApiError { status: None },
        6 => AgentOutcome::MaxTurns,
        7..14 => return asked(random, step, tool_use_id),
        14..17 => {
            let (gate_id, tool_name, effect) = ("g1".into(), "Write".into(), ToolEffect::WritesFiles);
            return AgentOutput::ToolGated(ToolGate {
                gate_id,
                tool_use_id,
                tool_name,
                effect,
                target: None,
                input: Arc::default(),
            });
        }
        _ => AgentOutcome::Succeeded,
    };
    AgentOutput::TurnEnded(Box::new(report(outcome, &spend(random.below(1000)))))
}

fn asked(random: &mut Random, step: u32, tool_use_id: String) -> AgentOutput {
    let target = random.below(1000).to_string();
    let request = AgentRequest {
        tool_use_id,
        input: serde_json::json!({ "command": target }),
        target: Some(target),
        ..permission_request(&format!("r{step}"))
    };
    AgentOutput::Asked { kind: RequestKind::Permission, request }
}

/// A linear congruential generator: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
