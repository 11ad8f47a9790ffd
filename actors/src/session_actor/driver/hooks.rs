//! The hooks that hold in a session: those that were active when its turn began. Whether somebody may allow
//! more than reading is asked at each call.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use runner_core::agent::AgentOutput;
use runner_core::ids::ExtensionId;
use runner_core::ports::hooks::{HookNotRun, HookProgram};
use runner_core::request::ToolGate;
use runner_core::session::Session;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::error::SessionError;
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::setup::extension::hook::answer::HookAnswer;
use runner_core::setup::extension::hook::rules::{HookAnswers, HookRules};

use super::SessionDriver;
use crate::RunnerError;
use crate::session_actor::agent_reports::HookReplied;
use crate::session_actor::agent_task::{Errand, HookCall};

/// The calls that wait for programs of hooks, by their tool uses, with what those have said so far.
#[derive(Default)]
pub(super) struct HeldCalls(HashMap<String, (ToolGate, HookAnswers)>);

impl HeldCalls {
    /// The call is answered.
    pub(super) fn forget(&mut self, tool_use_id: &str) {
        self.0.remove(tool_use_id);
    }
}

impl SessionDriver {
    /// Has the program of a hook asked about a call, which waits for that.
    pub(super) async fn call_hook(&mut self, gate: ToolGate, hook: ExtensionId) {
        let Some(process) = self.agent.as_ref().map(|agent| agent.process) else { return };
        let tool_use_id = gate.tool_use_id.clone();
        let (_, answers) =
            self.held.0.entry(tool_use_id.clone()).or_insert((gate.clone(), HookAnswers::new()));
        let answers = answers.clone();
        match self.hook_program((&gate, answers), hook).await {
            Some(program) => {
                self.leave(Errand::CallHook(Box::new(HookCall { tool_use_id, hook, program })));
            }
            None => {
                let answer = HookAnswer::read(Err(HookNotRun("its program cannot be run now".to_owned())));
                self.hook_replied(HookReplied { process, tool_use_id, hook, answer }).await;
            }
        }
    }

    async fn hook_program(
        &self,
        (gate, answers): (&ToolGate, HookAnswers),
        hook: ExtensionId,
    ) -> Option<HookProgram> {
        let within = self.team_folder().await.ok()?;
        let session = self.session()?;
        let opened = session.opened()?;
        let rules = Arc::clone(&self.agent.as_ref()?.hooks);
        let hooks = HooksInForce { rules, answers, ..HooksInForce::default() };
        let (command, timeout) = hooks.rules.program(hook)?;
        Some(HookProgram {
            tenant: opened.tenant.clone(),
            owner: opened.owner.clone(),
            working_dir: opened.working_dir.clone().into(),
            add_dirs: opened.options.add_dirs.clone(),
            within,
            command: command.to_owned(),
            input: session.told_to_hook(gate, &hooks),
            timeout,
        })
    }

    /// Judges a call anew, with what a program has said about it.
    pub(in crate::session_actor) async fn hook_replied(&mut self, replied: HookReplied) {
        let HookReplied { process, tool_use_id, hook, answer } = replied;
        if self.agent.as_ref().is_none_or(|agent| agent.process != process) {
            return; // It was given up, and its calls with it.
        }
        let Some((gate, answers)) = self.held.0.get_mut(&tool_use_id) else { return };
        answers.insert(hook, answer);
        let (gate, answers) = (gate.clone(), answers.clone());
        let hooks = HooksInForce { answers, ..self.hooks_in_force().await };
        let recording = Recording { hooks, ..self.recording(process, AgentOutput::ToolGated(gate)) };
        self.record(vec![SessionCommand::Record(Box::new(recording))], "agent").await;
    }

    /// The hooks by which a call is judged that waits to be let through.
    pub(super) async fn hooks_in_force(&self) -> HooksInForce {
        let rules = self.agent.as_ref().map(|agent| Arc::clone(&agent.hooks)).unwrap_or_default();
        let tenant = self.session().and_then(Session::opened).map(|opened| opened.tenant.clone());
        let mut may_bypass = BTreeSet::new();
        for owner in rules.allowing().collect::<BTreeSet<_>>() {
            let Some(tenant) = &tenant else { break };
            match self.services.owners.may_bypass(tenant, owner).await {
                Ok(true) => drop(may_bypass.insert(owner.to_owned())),
                Ok(false) => {}
                Err(error) => {
                    // Then the hook allows nothing.
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(session.id = %self.id, error, "it cannot be told whether a hook may allow");
                }
            }
        }
        HooksInForce { rules, may_bypass, answers: HookAnswers::new() }
    }

    /// Refuses answers that would have a tool used with something that a hook blocks: it does not come to its
    /// gate once more.
    pub(super) async fn refuse_what_hooks_block(
        &mut self,
        commands: &[SessionCommand],
    ) -> Result<(), RunnerError> {
        let is_changing = |command: &&SessionCommand| matches!(command, SessionCommand::Settle { answer, .. } if answer.updated_input.is_some());
        let Some(SessionCommand::Settle { request_id, answer, .. }) = commands.iter().find(is_changing)
        else {
            return Ok(());
        };
        self.load().await?;
        let rules = match &self.agent {
            Some(agent) => Arc::clone(&agent.hooks),
            None => Arc::new(self.extensions().await?.hook_rules()),
        };
        match self.session().and_then(|session| session.blocked_answer(request_id, answer, &rules)) {
            Some(mismatch) => Err(SessionError::AnswerInvalid(mismatch).into()),
            None => Ok(()),
        }
    }

    /// Rules are evaluated here and not by the agent's program, so one that goes on gets those of now.
    pub(super) fn renew_hooks(&mut self, rules: HookRules) {
        if let Some(agent) = &mut self.agent
            && *agent.hooks != rules
        {
            agent.hooks = Arc::new(rules);
        }
    }
}
