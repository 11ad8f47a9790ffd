//! Trying the agent's program out: each promise with the real program, the offline model and a folder of its
//! own, in the way in which the server runs sessions, sandbox and limits included.

mod lab;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use runner_core::agent::PermissionMode;
use runner_core::ports::AgentProber;
use runner_core::request::Decision;
use runner_core::setup::agent_proof::{Finding, Promise};
use serde_json::json;

use self::lab::Lab;
use crate::config::Config;

/// A promise that takes longer is not kept.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same for the promise that takes an agent for every mode, one after the other.
const PATIENCE_FOR_EVERY_MODE: Duration = Duration::from_secs(120);

/// Tries every promise; see [`Promise`].
#[derive(Debug)]
pub(super) struct Probes {
    config: Config,
}

impl Probes {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }
}

#[async_trait(?Send)]
impl AgentProber for Probes {
    async fn probe(&self) -> Vec<Finding> {
        let mut lab = match Lab::open(&self.config).await {
            Ok(lab) => lab,
            Err(error) => return not_tried(&format!("it cannot be tried out: {error:#}")),
        };
        let mut findings = vec![];
        for promise in Promise::ALL {
            let began = Instant::now();
            let patience = match promise {
                Promise::GateInEveryMode => PATIENCE_FOR_EVERY_MODE,
                Promise::AsksPeople
                | Promise::PlanChangesNothing
                | Promise::DontAskRefuses
                | Promise::FolderSettingsIgnored
                | Promise::WaitingCallTakenUp
                | Promise::CostsAddUp => PATIENCE,
            };
            let tried = tokio::time::timeout(patience, lab.try_out(promise)).await;
            let seen =
                tried.unwrap_or_else(|_| Err(format!("nothing was seen for {} s", patience.as_secs())));
            findings.push(Finding {
                promise,
                holds: seen.is_ok(),
                detail: seen.err().unwrap_or_default(),
                took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
        }
        lab.close().await;
        findings
    }
}

fn not_tried(detail: &str) -> Vec<Finding> {
    let finding = |promise| Finding { promise, holds: false, detail: detail.to_owned(), took_ms: 0 };
    Promise::ALL.map(finding).into()
}

impl Lab {
    /// An error says what was seen instead.
    async fn try_out(&mut self, promise: Promise) -> Result<(), String> {
        match promise {
            Promise::GateInEveryMode => self.gate_in_every_mode().await,
            Promise::AsksPeople => self.asks_people().await,
            Promise::PlanChangesNothing => self.changes_nothing(PermissionMode::Plan).await,
            Promise::DontAskRefuses => self.changes_nothing(PermissionMode::DontAsk).await,
            Promise::FolderSettingsIgnored => self.folder_settings_ignored().await,
            Promise::WaitingCallTakenUp => self.waiting_call_taken_up().await,
            Promise::CostsAddUp => self.costs_add_up().await,
        }
    }

    async fn gate_in_every_mode(&self) -> Result<(), String> {
        for mode in PermissionMode::ALL {
            if mode == PermissionMode::BypassPermissions && !self.may_bypass {
                continue; // Nobody can have a session of this mode here.
            }
            let file = format!("gate-{}", mode.as_str());
            if !self.stops_at_the_gate(mode, &append_to(&file)).await? {
                return Err(format!("a command did not stop at the gate in the mode {}", mode.as_str()));
            }
            self.check_absent(&file, "a command that the gate had refused ran")?;
        }
        Ok(())
    }

    async fn asks_people(&self) -> Result<(), String> {
        for mode in [PermissionMode::Default, PermissionMode::AcceptEdits] {
            let file = format!("asked-{}", mode.as_str());
            // In the mode `acceptEdits` a redirection by itself counts as an edit, and runs unasked.
            let call = bash(&format!("sh -c 'echo x >> {file}'"));
            let task = self.begin(mode, ".", &json!([call, { "text": "done" }])).await?;
            let request = self.wait_for_request(task).await?;
            self.check_absent(&file, "a command ran before anybody had decided")?;
            self.settle(task, &request, Decision::Deny).await?;
            self.wait_for_end(task).await?;
            self.check_absent(&file, "a command ran that was denied")?;
        }
        Ok(())
    }

    async fn changes_nothing(&self, mode: PermissionMode) -> Result<(), String> {
        let (by_command, by_tool) = (format!("command-{}", mode.as_str()), format!("tool-{}", mode.as_str()));
        let written = json!({ "tool_use": { "name": "Write", "input":
            { "file_path": self.path(&by_tool), "content": "x" } } });
        let replies = json!([append_to(&by_command), written, { "text": "done" }]);
        let task = self.begin(mode, ".", &replies).await?;
        self.wait_for_end(task).await?;
        self.check_absent(&by_command, "a command changed a file")?;
        self.check_absent(&by_tool, "a tool changed a file")
    }

    async fn folder_settings_ignored(&self) -> Result<(), String> {
        self.write_settings("folder").map_err(|error| format!("its folder cannot be made: {error}"))?;
        let show = bash("printf 'is:%s' \"$OF_THE_FOLDER\" > seen");
        let task = self.begin(PermissionMode::Default, "folder", &json!([show, { "text": "done" }])).await?;
        let request = self.wait_for_request(task).await?;
        self.settle(task, &request, Decision::Allow).await?;
        self.wait_for_end(task).await?;
        self.check_absent("folder/hooked", "a hook of the folder ran")?;
        match self.read("folder/seen").as_deref() {
            Some("is:") => Ok(()),
            Some(_) => Err("a variable of the folder's settings was set".to_owned()),
            None => Err("a command that was allowed did not run".to_owned()),
        }
    }

    async fn waiting_call_taken_up(&mut self) -> Result<(), String> {
        let replies = json!([append_to("taken"), { "text": "done" }]);
        let task = self.begin(PermissionMode::Default, ".", &replies).await?;
        let request = self.wait_for_request(task).await?;
        self.reopen().await?;
        self.settle(task, &request, Decision::Allow).await?;
        self.wait_for_end(task).await?;
        match self.read("taken").as_deref() {
            Some("x\n") => Ok(()),
            Some(_) => Err("the call that was allowed ran more than once".to_owned()),
            None => Err("the call that was allowed did not run".to_owned()),
        }
    }

    async fn costs_add_up(&mut self) -> Result<(), String> {
        let replies = json!([{ "text": "done" }]);
        let task = self.begin(PermissionMode::Default, ".", &replies).await?;
        let first = self.wait_for_end(task).await?;
        self.reopen().await?;
        let second = self.go_on(task, &replies).await?;
        let second = self.wait_for_end(second).await?;
        let calls = self.count_model_calls(task).await?;
        if calls != 2 {
            return Err(format!("two turns of one call each made {calls} calls"));
        }
        let [first, second] = [first, second].map(|turn| turn.cost_usd.unwrap_or_default().0);
        match first == second && first > 0 {
            true => Ok(()),
            false => Err(format!("two turns of one call each cost {first} and {second} micro-dollars")),
        }
    }
}

fn bash(command: &str) -> serde_json::Value {
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "try" } } })
}

fn append_to(file: &str) -> serde_json::Value {
    bash(&format!("echo x >> {file}"))
}
