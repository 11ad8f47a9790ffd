//! The place where the agent's program is tried: sessions, folders and a store that are gone afterwards.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use runner_actors::{Sessions, Submission, Waited};
use runner_core::agent::{AgentOptions, AgentOutput, PermissionMode};
use runner_core::ids::{CommandId, ProcessId, SessionId, TurnId};
use runner_core::log::Provenance;
use runner_core::people::principal::Principal;
use runner_core::ports::{AgentLaunch, AgentRuntime, AgentSeat, AgentSetup, GateVerdict, RunningAgent};
use runner_core::prompt::Prompt;
use runner_core::request::{Answer, DecidedBy, Decision};
use runner_core::session::command::WhileRunning;
use runner_core::session::event::{Origin, SessionOpened};
use runner_core::session::view::TurnView;
use runner_core::setup::trust::Trust;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::PATIENCE;
use crate::app::agents;
use crate::app::core::Core;
use crate::config::{Config, Offline};

/// A turn of a session.
pub(super) type Task = (SessionId, TurnId);

pub(super) struct Lab {
    config: Config,
    folder: TempDir,
    /// Absent while it is opened anew.
    core: Option<Core>,
    pub(super) may_bypass: bool,
}

impl Lab {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("claude-runner-trial-").tempdir()?;
        let path = folder.path().canonicalize()?;
        let (data_dir, work) = (path.join("data"), path.join("work"));
        fs::create_dir(&work)?;
        let config = Config {
            database: data_dir.join("events.db"),
            data_dir,
            working_dir: work.clone(),
            allowed_roots: vec![work],
            api_key: None,
            oauth_token: None,
            base_url: None,
            offline: Offline::Always,
            offline_script: None,
            session_budget: None,
            monthly_budget: None,
            spare_agents: 0,
            shutdown_grace: Duration::ZERO,
            ..config.clone()
        };
        let core = Core::build(&config, None).await?;
        let may_bypass = agents::may_bypass(&config, &*core.runtime);
        Ok(Self { config, folder, core: Some(core), may_bypass })
    }

    /// Ends all agents; nothing is left afterwards.
    pub(super) async fn close(mut self) {
        self.shut_down().await;
        if let Err(error) = self.folder.close() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the folder of a trial stays");
        }
    }

    /// As if the server had been started anew: every process ends, and sessions go on from the store.
    pub(super) async fn reopen(&mut self) -> Result<(), String> {
        self.shut_down().await;
        let core = Core::build(&self.config, None).await;
        self.core = Some(core.map_err(|error| format!("it cannot be started anew: {error:#}"))?);
        Ok(())
    }

    async fn shut_down(&mut self) {
        if let Some(core) = self.core.take() {
            core.sessions.shut_down(self.config.shutdown_grace).await;
            core.store.close().await;
        }
    }

    pub(super) async fn begin(
        &self,
        mode: PermissionMode,
        folder: &str,
        replies: &Value,
    ) -> Result<Task, String> {
        let caller = Principal::local();
        let opened = SessionOpened {
            session: SessionId(Uuid::now_v7()),
            tenant: caller.tenant,
            owner: caller.name,
            working_dir: self.path(folder),
            permission_mode: mode,
            origin: Origin::Api,
            offline: true,
            title: None,
            parent: None,
            schedule: None,
            options: AgentOptions::default(),
        };
        let prompted = self.sessions()?.open_with_prompt(opened, submission(replies)?, provenance()).await;
        let prompted = prompted.map_err(|error| format!("no turn began: {error}"))?;
        Ok((prompted.session, prompted.turn))
    }

    /// The next turn of a session.
    pub(super) async fn go_on(&self, (session, _): Task, replies: &Value) -> Result<Task, String> {
        let prompted = self.sessions()?.prompt(session, submission(replies)?, provenance()).await;
        let prompted = prompted.map_err(|error| format!("no turn began: {error}"))?;
        Ok((prompted.session, prompted.turn))
    }

    /// The request for which a turn waits.
    pub(super) async fn wait_for_request(&self, task: Task) -> Result<String, String> {
        match self.wait(task).await? {
            Waited::Unfinished(view) => {
                let waiting = view.pending.first().map(|pending| pending.request.request_id.clone());
                waiting.ok_or_else(|| "the turn came to no end".to_owned())
            }
            Waited::Over(turn) => Err(match &turn.error {
                Some(error) => format!("nobody was asked, the turn failed: {}", error.detail),
                None => "nobody was asked".to_owned(),
            }),
        }
    }

    pub(super) async fn wait_for_end(&self, task: Task) -> Result<TurnView, String> {
        match self.wait(task).await? {
            Waited::Over(turn) => match &turn.error {
                None => Ok(*turn),
                Some(error) => Err(format!("the turn failed: {}", error.detail)),
            },
            Waited::Unfinished(view) if view.pending.is_empty() => Err("the turn came to no end".to_owned()),
            Waited::Unfinished(_) => Err("people were asked who must not be".to_owned()),
        }
    }

    async fn wait(&self, (session, turn): Task) -> Result<Waited, String> {
        let waited = self.sessions()?.wait(session, turn, PATIENCE).await;
        waited.map_err(|error| format!("the turn cannot be followed: {error}"))
    }

    pub(super) async fn settle(
        &self,
        (session, _): Task,
        request: &str,
        decision: Decision,
    ) -> Result<(), String> {
        let answer = Answer {
            decision,
            message: None,
            updated_input: None,
            answers: None,
            remember: false,
            interrupt: false,
        };
        let answer = (answer, DecidedBy::user(&Principal::local().name));
        let settled = self.sessions()?.settle(session, request, answer, provenance()).await;
        settled.map(drop).map_err(|error| format!("the decision did not arrive: {error}"))
    }

    pub(super) async fn count_model_calls(&self, (session, _): Task) -> Result<usize, String> {
        let events = self.sessions()?.events(session, 0, 1000).await;
        let events = events.map_err(|error| format!("its events cannot be read: {error}"))?;
        Ok(events.iter().filter(|event| event.type_name == "model_called").count())
    }

    /// Whether a call of a tool stops at the gate; it is refused there.
    pub(super) async fn stops_at_the_gate(&self, mode: PermissionMode, call: &Value) -> Result<bool, String> {
        let Some(core) = &self.core else { return Err("it is being started anew".to_owned()) };
        let caller = Principal::local();
        let setup = AgentSetup {
            tenant: caller.tenant,
            owner: caller.name,
            working_dir: self.config.working_dir.clone(),
            within: None,
            permission_mode: mode,
            options: AgentOptions::default(),
            trust: Trust::Untrusted,
            extensions: Arc::default(),
        };
        let seat = AgentSeat::of_new_session(SessionId(Uuid::now_v7()), ProcessId(Uuid::now_v7()));
        let not_said = |error| format!("nothing can be said to the agent: {error}");
        let RunningAgent { input, mut outputs } =
            core.runtime.start(AgentLaunch { setup, seat }).await.map_err(|error| error.to_string())?;
        let prompt = script(&json!([call, { "text": "done" }]));
        input.prompt(TurnId(Uuid::now_v7()), &prompt, &[]).await.map_err(not_said)?;
        let mut has_stopped = false;
        loop {
            let said = outputs.next().await.map_err(|exit| format!("the agent ended: {}", exit.detail))?;
            for output in said {
                if let AgentOutput::ToolGated(gate) = &output {
                    has_stopped = true;
                    let refused =
                        input.answer_gate(&gate.gate_id, GateVerdict::Refuse("This is a trial."), None);
                    refused.await.map_err(not_said)?;
                }
                if matches!(output, AgentOutput::TurnEnded(_) | AgentOutput::Asked { .. }) {
                    input.stop().await;
                    return Ok(has_stopped);
                }
            }
        }
    }

    /// Gives a folder settings that would run hooks, allow commands and set a variable.
    pub(super) fn write_settings(&self, folder: &str) -> io::Result<()> {
        let hook = json!([{ "hooks": [{ "type": "command", "command": "touch hooked" }] }]);
        let settings = json!({
            "hooks": { "SessionStart": hook, "UserPromptSubmit": hook, "PreToolUse": hook, "Stop": hook },
            "permissions": { "allow": ["Bash"], "defaultMode": "bypassPermissions" },
            "env": { "OF_THE_FOLDER": "set" },
        });
        let own = self.config.working_dir.join(folder).join(".claude");
        fs::create_dir_all(&own)?;
        fs::write(own.join("settings.json"), settings.to_string())?;
        fs::write(own.join("settings.local.json"), settings.to_string())
    }

    pub(super) fn path(&self, name: &str) -> String {
        // A path without `.` is the one that sessions are opened under.
        let path: PathBuf = self.config.working_dir.join(name).components().collect();
        path.display().to_string()
    }

    pub(super) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.config.working_dir.join(name)).ok()
    }

    pub(super) fn check_absent(&self, name: &str, otherwise: &str) -> Result<(), String> {
        match self.config.working_dir.join(name).exists() {
            true => Err(otherwise.to_owned()),
            false => Ok(()),
        }
    }

    fn sessions(&self) -> Result<&Sessions, String> {
        let core = self.core.as_ref().context("it is being started anew");
        core.map(|core| &core.sessions).map_err(|error| error.to_string())
    }
}

fn submission(replies: &Value) -> Result<Submission, String> {
    Ok(Submission {
        turn: TurnId(Uuid::now_v7()),
        text: Prompt::try_from(script(replies)).map_err(|error| error.to_string())?,
        attachments: vec![],
        author: Principal::local().name,
        while_running: WhileRunning::Queue,
    })
}

/// A prompt that says what the offline model answers.
fn script(replies: &Value) -> String {
    format!("This is a trial.\n```offline\n{replies}\n```")
}

fn provenance() -> Provenance {
    Provenance::system(CommandId(Uuid::now_v7()))
}
