//! The conversation of a session as a model would see it: roles and content blocks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::ids::TurnId;
use crate::prompt::Attachment;
use crate::session::event::{MessageEvent, PromptEvent, SessionEvent, ToolEvent, TurnEvent};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageRole)]
pub enum Role {
    User,
    Assistant,
}

/// One message; neighbouring blocks of the same role stand together.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Message {
    pub role: Role,
    /// Blocks as in Anthropic's Messages API: `text`, `thinking`, `image`, `tool_use`, `tool_result`.
    pub content: Vec<Value>,
    pub turn_id: TurnId,
    /// The version of the first event in it.
    pub version: u64,
}

/// The fold. Subagents have conversations of their own and are left out.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub messages: Vec<Message>,
    prompts: BTreeMap<TurnId, Vec<Value>>,
    tool_uses: BTreeSet<String>,
    /// Tool uses without a result. A model wants the results before anything else that people say.
    open_uses: BTreeSet<String>,
    /// Prompts that came meanwhile.
    held: Vec<(TurnId, u64, Vec<Value>)>,
}

impl Conversation {
    /// Folds in the event that follows.
    pub fn apply(&mut self, version: u64, event: &SessionEvent) {
        match event {
            SessionEvent::Prompt(event) => self.apply_prompt(version, event),
            SessionEvent::Turn(event) => self.apply_turn(version, event),
            SessionEvent::Message(event) => self.apply_message(version, event),
            SessionEvent::Tool(event) => self.apply_tool(version, event),
            SessionEvent::Lifecycle(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Files(_)
            | SessionEvent::Request(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
        }
        if self.open_uses.is_empty() {
            for (turn, version, blocks) in std::mem::take(&mut self.held) {
                blocks.into_iter().for_each(|block| self.push(Role::User, turn, version, block));
            }
        }
    }

    fn apply_prompt(&mut self, version: u64, event: &PromptEvent) {
        match event {
            PromptEvent::Submitted { turn, text, attachments, .. } => {
                self.prompts.insert(*turn, prompt_blocks(text, attachments));
            }
            PromptEvent::Withdrawn { turn, by: _ } => {
                self.prompts.remove(turn);
            }
            PromptEvent::Steered { turn, text, attachments, .. } => {
                self.held.push((*turn, version, prompt_blocks(text, attachments)));
            }
        }
    }

    fn apply_turn(&mut self, version: u64, event: &TurnEvent) {
        match event {
            TurnEvent::Started { turn, .. } => {
                let prompt = self.prompts.remove(turn).unwrap_or_default();
                prompt.into_iter().for_each(|block| self.push(Role::User, *turn, version, block));
            }
            TurnEvent::Completed(_) | TurnEvent::Failed { .. } | TurnEvent::Interrupted { .. } => {
                self.open_uses.clear();
            }
            TurnEvent::InterruptRequested { .. }
            | TurnEvent::Parked { .. }
            | TurnEvent::Resumed(_)
            | TurnEvent::Continued { .. } => {}
        }
    }

    fn apply_message(&mut self, version: u64, event: &MessageEvent) {
        match event {
            MessageEvent::Text { turn, text, parent_tool_use_id: None, .. } => {
                self.push(Role::Assistant, *turn, version, json!({ "type": "text", "text": text }));
            }
            MessageEvent::Thinking { turn, text, parent_tool_use_id: None, .. } => {
                self.push(Role::Assistant, *turn, version, json!({ "type": "thinking", "thinking": text }));
            }
            MessageEvent::Text { parent_tool_use_id: Some(_), .. }
            | MessageEvent::Thinking { parent_tool_use_id: Some(_), .. } => {}
        }
    }

    fn apply_tool(&mut self, version: u64, event: &ToolEvent) {
        match event {
            ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id: None } => {
                self.tool_uses.insert(tool_use_id.clone());
                self.open_uses.insert(tool_use_id.clone());
                let block = json!({ "type": "tool_use", "id": tool_use_id, "name": name, "input": input });
                self.push(Role::Assistant, *turn, version, block);
            }
            // Results of subagents' tools belong to their own conversations.
            ToolEvent::Returned { turn, tool_use_id, is_error, content, .. }
                if self.tool_uses.contains(tool_use_id) =>
            {
                let block = json!({
                    "type": "tool_result", "tool_use_id": tool_use_id,
                    "content": content, "is_error": is_error,
                });
                self.open_uses.remove(tool_use_id);
                self.push(Role::User, *turn, version, block);
            }
            ToolEvent::Used { parent_tool_use_id: Some(_), .. }
            | ToolEvent::Returned { .. }
            | ToolEvent::Abandoned { .. }
            | ToolEvent::PolicyApplied { .. } => {}
        }
    }

    fn push(&mut self, role: Role, turn: TurnId, version: u64, block: Value) {
        match self.messages.last_mut() {
            Some(last) if last.role == role && last.turn_id == turn => last.content.push(block),
            Some(_) | None => {
                self.messages.push(Message { role, content: vec![block], turn_id: turn, version });
            }
        }
    }
}

fn prompt_blocks(text: &str, attachments: &[Attachment]) -> Vec<Value> {
    let images = attachments.iter().map(image_block);
    images.chain([json!({ "type": "text", "text": text })]).collect()
}

fn image_block(attachment: &Attachment) -> Value {
    match attachment {
        Attachment::Image { media_type, data } => json!({
            "type": "image",
            "source": { "type": "base64", "media_type": media_type, "data": data },
        }),
    }
}
