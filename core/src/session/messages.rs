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
}

impl Conversation {
    pub fn apply(&mut self, version: u64, event: &SessionEvent) {
        match event {
            SessionEvent::PromptSubmitted { turn, text, attachments, .. } => {
                let mut blocks: Vec<Value> = attachments.iter().map(image_block).collect();
                blocks.push(json!({ "type": "text", "text": text }));
                self.prompts.insert(*turn, blocks);
            }
            SessionEvent::TurnStarted { turn, .. } => {
                for block in self.prompts.remove(turn).unwrap_or_default() {
                    self.push(Role::User, *turn, version, block);
                }
            }
            SessionEvent::AssistantText { turn, text, parent_tool_use_id: None, .. } => {
                self.push(Role::Assistant, *turn, version, json!({ "type": "text", "text": text }));
            }
            SessionEvent::AssistantThinking { turn, text, parent_tool_use_id: None, .. } => {
                self.push(Role::Assistant, *turn, version, json!({ "type": "thinking", "thinking": text }));
            }
            SessionEvent::ToolUsed { turn, tool_use_id, name, input, parent_tool_use_id: None } => {
                self.tool_uses.insert(tool_use_id.clone());
                let block = json!({ "type": "tool_use", "id": tool_use_id, "name": name, "input": input });
                self.push(Role::Assistant, *turn, version, block);
            }
            SessionEvent::ToolReturned { turn, tool_use_id, is_error, content, .. } => {
                // Results of subagents' tools belong to their own conversations.
                if self.tool_uses.contains(tool_use_id) {
                    let block = json!({
                        "type": "tool_result", "tool_use_id": tool_use_id, "content": content,
                        "is_error": is_error,
                    });
                    self.push(Role::User, *turn, version, block);
                }
            }
            SessionEvent::SessionOpened(_)
            | SessionEvent::AgentInitialized { .. }
            | SessionEvent::AssistantText { .. }
            | SessionEvent::AssistantThinking { .. }
            | SessionEvent::ToolUsed { .. }
            | SessionEvent::FileChanged { .. }
            | SessionEvent::PermissionRequested { .. }
            | SessionEvent::PermissionDecided { .. }
            | SessionEvent::ApiRetried { .. }
            | SessionEvent::RateLimited { .. }
            | SessionEvent::ContextCompacted { .. }
            | SessionEvent::AgentMessage { .. }
            | SessionEvent::InterruptRequested { .. }
            | SessionEvent::TurnCompleted(_)
            | SessionEvent::TurnFailed { .. }
            | SessionEvent::TurnInterrupted { .. } => {}
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

fn image_block(attachment: &Attachment) -> Value {
    match attachment {
        Attachment::Image { media_type, data } => json!({
            "type": "image",
            "source": { "type": "base64", "media_type": media_type, "data": data },
        }),
    }
}
