//! What fifty hooks add to a call of a tool at its gate: the rules decide about the same call with them and
//! without, in turn.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use runner_core::agent::AgentOutput;
use runner_core::ids::{ExtensionId, ProcessId, SessionId, TurnId};
use runner_core::log::Aggregate as _;
use runner_core::request::{ToolEffect, ToolGate};
use runner_core::session::Session;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::event::{Initiator, SessionEvent, TurnEvent};
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::setup::extension::hook::condition::{Condition, Operator};
use runner_core::setup::extension::hook::rules::{ActiveHook, HookOrigin, HookRules};
use runner_core::setup::extension::hook::{Hook, HookAction, HookRef, HookTrigger};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::reading::opened;
use crate::{millis, report};

const HOOKS: usize = 50;
const ROUNDS: usize = 30;

/// Calls in a round: one alone is too short to be measured.
const CALLS: u32 = 200;

pub(crate) fn measure() {
    println!("\n# Hooks: what {HOOKS} of them add to a call of a tool");
    let session = running();
    let none = HooksInForce::default();
    let many = HooksInForce { rules: Arc::new(HookRules::new(hooks())), ..HooksInForce::default() };
    let (mut without, mut with) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        without.push(round(&session, &none));
        with.push(round(&session, &many));
    }
    let without = report("a call that no hook is about", "ms", millis(&without));
    let with = report(&format!("the same with {HOOKS} hooks, of which none applies"), "ms", millis(&with));
    println!("  = {:.3} ms more (goal: at most 1 ms)", with - without);
}

fn round(session: &Session, hooks: &HooksInForce) -> std::time::Duration {
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(session.decide(comes_to_gate(hooks.clone())).unwrap());
    }
    begun.elapsed() / CALLS
}

fn running() -> Session {
    let mut session = Session::default();
    session.apply(opened(SessionId(Uuid::now_v7())));
    session.apply(SessionEvent::Turn(TurnEvent::Started {
        turn: TurnId(Uuid::from_u128(1)),
        initiator: Initiator::Agent,
        process: ProcessId(Uuid::from_u128(1)),
        runtime_version: String::new(),
        node: String::new(),
        task_id: None,
    }));
    session
}

/// A command of 10 KB, as scripts are that agents write down.
fn comes_to_gate(hooks: HooksInForce) -> SessionCommand {
    let command = "grep -rn 'needle' src/ | sort | uniq -c && cargo test --workspace\n".repeat(160);
    SessionCommand::Record(Box::new(Recording {
        output: AgentOutput::ToolGated(ToolGate {
            gate_id: "g1".into(),
            tool_use_id: "toolu_1".into(),
            tool_name: "Bash".into(),
            effect: ToolEffect::RunsCommands,
            target: None,
            input: Arc::new(json!({ "command": command, "description": "look" })),
        }),
        process: ProcessId(Uuid::from_u128(1)),
        runtime_version: String::new(),
        node: String::new(),
        spare_turn: TurnId(Uuid::from_u128(2)),
        hooks,
    }))
}

/// Hooks with each operator, all of which have to look at the command.
fn hooks() -> Vec<ActiveHook> {
    let condition = |field: &str, operator, value: Value| Condition { field: field.into(), operator, value };
    let hook = |number: usize| {
        let about = match number % 4 {
            0 => condition(
                "tool_input.command",
                Operator::Matches,
                json!(format!(r"\brm\s+-rf\s+/{number}\b")),
            ),
            1 => condition("tool_input.command", Operator::Contains, json!(format!("shutdown {number}"))),
            2 => condition("tool_input.command", Operator::Glob, json!(format!("*curl*{number}.example*"))),
            _ => {
                condition("tool_input.command", Operator::In, json!(["ls", "pwd", format!("echo {number}")]))
            }
        };
        ActiveHook {
            hook: HookRef { id: ExtensionId(Uuid::now_v7()), name: format!("h{number}"), version: 1 },
            owner: "ada".into(),
            origin: if number.is_multiple_of(2) { HookOrigin::Folder } else { HookOrigin::Owner },
            definition: Hook {
                event: HookTrigger::PreToolUse,
                action: HookAction::Block,
                conditions: vec![condition("tool_name", Operator::Equals, json!("Bash")), about],
                order: 0,
                message: None,
                command: None,
                timeout_ms: None,
            },
        }
    };
    (0..HOOKS).map(hook).collect()
}
