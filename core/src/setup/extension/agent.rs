//! Agents that people define: subagents that an agent may start by their names.

use serde::{Deserialize, Serialize};

/// A subagent's instructions, and what it works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDefinition {
    /// By which the model chooses it.
    pub description: String,
    /// In place of the instructions that other agents have.
    pub prompt: String,
    /// All tools of the session's agent if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// That of the session's agent if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Fields of a definition to set anew; absent ones stay. Tools and the model can be taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDefinitionEdit {
    pub description: Option<String>,
    pub prompt: Option<String>,
    pub tools: Option<Option<Vec<String>>>,
    pub model: Option<Option<String>>,
}

impl AgentDefinitionEdit {
    pub(super) fn apply(self, agent: AgentDefinition) -> AgentDefinition {
        AgentDefinition {
            description: self.description.unwrap_or(agent.description),
            prompt: self.prompt.unwrap_or(agent.prompt),
            tools: self.tools.unwrap_or(agent.tools),
            model: self.model.unwrap_or(agent.model),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AgentDefinition, AgentDefinitionEdit};
    use crate::setup::extension::definition::Definition;

    #[test]
    fn an_edit_keeps_what_it_does_not_name_and_takes_away_what_it_says() {
        let edit = AgentDefinitionEdit { tools: Some(None), ..AgentDefinitionEdit::default() };

        assert_eq!(edit.apply(reviewer()), AgentDefinition { tools: None, ..reviewer() });
    }

    #[test]
    fn an_agent_is_stored_like_this_for_ever() {
        let whole = json!({
            "kind": "agent", "description": "Reviews.", "prompt": "Look.", "tools": ["Read"], "model": "haiku",
        });
        let bare = json!({ "kind": "agent", "description": "Reviews.", "prompt": "Look." });
        let definitions = [reviewer(), AgentDefinition { tools: None, model: None, ..reviewer() }];

        for (stored, definition) in [whole, bare].into_iter().zip(definitions.map(Definition::Agent)) {
            assert_eq!(serde_json::to_value(&definition).unwrap(), stored);
            assert_eq!(serde_json::from_value::<Definition>(stored).unwrap(), definition);
        }
    }

    fn reviewer() -> AgentDefinition {
        AgentDefinition {
            description: "Reviews.".into(),
            prompt: "Look.".into(),
            tools: Some(vec!["Read".into()]),
            model: Some("haiku".into()),
        }
    }
}
