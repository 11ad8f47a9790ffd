//! The conversation of a session as a model would see it: roles and content blocks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::ids::TurnId;
use crate::prompt::Attachment;
use crate::session::event::SessionEvent;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
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
    /// What was said meanwhile.
    held: Vec<(TurnId, u64, Vec<Value>)>,
}

impl Conversation {
    pub fn apply(&mut self, version: u64, event: &SessionEvent) {
        if let SessionEvent::PromptSubmitted { turn, text, attachments, .. } = event {
            self.prompts.insert(*turn, prompt_blocks(text, attachments));
        } else if let SessionEvent::TurnStarted { turn, .. } = event {
            let prompt = self.prompts.remove(turn).unwrap_or_default();
            prompt.into_iter().for_each(|block| self.push(Role::User, *turn, version, block));
        } else if let SessionEvent::PromptWithdrawn { turn, .. } = event {
            self.prompts.remove(turn);
        } else if let SessionEvent::PromptSteered { turn, text, attachments, .. } = event {
            self.held.push((*turn, version, prompt_blocks(text, attachments)));
        } else if let SessionEvent::AssistantText { turn, text, parent_tool_use_id: None, .. } = event {
            self.push(Role::Assistant, *turn, version, json!({ "type": "text", "text": text }));
        } else if let SessionEvent::AssistantThinking { turn, text, parent_tool_use_id: None, .. } = event {
            self.push(Role::Assistant, *turn, version, json!({ "type": "thinking", "thinking": text }));
        } else if let SessionEvent::ToolUsed { turn, tool_use_id, name, input, parent_tool_use_id: None } =
            event
        {
            self.tool_uses.insert(tool_use_id.clone());
            self.open_uses.insert(tool_use_id.clone());
            let block = json!({ "type": "tool_use", "id": tool_use_id, "name": name, "input": input });
            self.push(Role::Assistant, *turn, version, block);
        } else if let SessionEvent::ToolReturned { turn, tool_use_id, is_error, content, .. } = event
            // Results of subagents' tools belong to their own conversations.
            && self.tool_uses.contains(tool_use_id)
        {
            let block = json!({
                "type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": is_error,
            });
            self.open_uses.remove(tool_use_id);
            self.push(Role::User, *turn, version, block);
        } else if event.ended_turn().is_some() {
            self.open_uses.clear();
        }
        if self.open_uses.is_empty() {
            for (turn, version, blocks) in std::mem::take(&mut self.held) {
                blocks.into_iter().for_each(|block| self.push(Role::User, turn, version, block));
            }
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
