//! The hooks that hold in a session: those that were active when its turn began. Whether somebody may allow
//! more than reading is asked at each call.

use std::collections::BTreeSet;
use std::sync::Arc;

use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::error::SessionError;
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::setup::extension::hook::rules::HookRules;

use super::SessionDriver;
use crate::RunnerError;

impl SessionDriver {
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
        HooksInForce { rules, may_bypass }
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
