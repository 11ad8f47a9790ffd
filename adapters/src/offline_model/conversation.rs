//! The state of the turn in a request: its prompt, its progress, the results of its tools.
//!
//! All of it is read from the messages, nothing is remembered, so the same conversation gets the same reply
//! after a retry, a restart or a resume on another machine.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    request::{Block, Message, Request, Role},
    stream::reply_id,
};

/// Texts in the user's role that no person wrote. They neither start a turn nor end one.
const SYNTHETIC_PREFIXES: &[&str] = &[
    "[Request interrupted by user",
    "<local-command-",
    "<command-name>",
    "<command-message>",
    "<task-notification>",
    "Stop hook feedback:",
    "[structured-output-enforce]",
    "Base directory for this skill:",
    "Tool loaded.",
    "[Image: ",
    "[Image source: ",
    "[Image could not be processed: ",
    "[SYSTEM NOTIFICATION - NOT USER INPUT]",
    "Continue from where you left off.",
    "Output token limit hit. Resume directly",
    NO_OUTPUT_NUDGE,
    "This session is being continued from a previous conversation",
    SENT_MEANWHILE,
];

/// The beginning of what a person said while tools were running.
const SENT_MEANWHILE: &str = "The user sent a new message while you were working:";

/// The program's message after a reply of nothing but thinking, which it then leaves out of the conversation.
const NO_OUTPUT_NUDGE: &str = "[Your previous response had no visible output";

/// The events since the newest prompt.
#[derive(Debug, PartialEq)]
pub(super) struct Turn<'a> {
    pub(super) prompt: String,
    /// The number of replies that the model has given to the prompt.
    pub(super) replies: usize,
    pub(super) tool_uses: Vec<ToolUse<'a>>,
}

#[derive(Debug, PartialEq)]
pub(super) struct ToolUse<'a> {
    pub(super) name: &'a str,
    pub(super) input: &'a Value,
    pub(super) result: Option<ToolResult>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ToolResult {
    pub(super) text: String,
    pub(super) is_error: bool,
}

impl Turn<'_> {
    /// The result of the first use of a tool in this turn.
    pub(super) fn find_result(&self, tool: &str) -> Option<&ToolResult> {
        self.tool_uses.iter().find(|tool_use| tool_use.name == tool)?.result.as_ref()
    }
}

impl Request {
    /// The turn in progress; `None` when no person has said anything.
    ///
    /// Blocks decide, not messages: the program merges what the user's side said in a row (a failed prompt
    /// and the next one, tool results and an interruption and a prompt) into one message.
    pub(super) fn find_turn(&self) -> Option<Turn<'_>> {
        let skills = self.skill_uses();
        let (index, place, prompt) =
            self.messages.iter().enumerate().rev().find_map(|(index, message)| {
                let is_written = message.role == Role::User && !message.answers_any(&skills);
                message.content.0.iter().enumerate().rev().find_map(|(place, block)| {
                    let written = block.text().filter(|_| is_written).and_then(prompt_in);
                    let prompt = written.or_else(|| script_sent_meanwhile(&block.text_or_result()));
                    Some((index, place, prompt.filter(|_| message.role != Role::Assistant)?))
                })
            })?;
        let (message, later) = self.messages.get(index..)?.split_first()?;
        let same_message = message.content.0.get(place + 1..).unwrap_or_default();
        let later_blocks = later.iter().flat_map(|message| &message.content.0);
        let blocks: Vec<&Block> = same_message.iter().chain(later_blocks).collect();
        let nudges =
            blocks.iter().filter_map(|block| block.text()).filter(|text| text.starts_with(NO_OUTPUT_NUDGE));
        Some(Turn { prompt, replies: count_replies(later) + nudges.count(), tool_uses: tool_uses(&blocks) })
    }

    /// Ids of the uses of the `Skill` tool. Beside the result of one stands the skill's text, which is no
    /// prompt.
    fn skill_uses(&self) -> HashSet<&str> {
        let blocks = self.messages.iter().flat_map(|message| &message.content.0);
        blocks
            .filter_map(|block| match block {
                Block::ToolUse { id, name, .. } if name == "Skill" => Some(id.as_str()),
                Block::ToolUse { .. } | Block::Text { .. } | Block::ToolResult { .. } | Block::Other => None,
            })
            .collect()
    }
}

/// The text a person wrote: without reminders, and nothing when the program wrote it all.
fn prompt_in(text: &str) -> Option<String> {
    let prompt = without_reminders(text);
    let prompt = prompt.trim();
    let synthetic = SYNTHETIC_PREFIXES.iter().any(|prefix| prompt.starts_with(prefix));
    (!prompt.is_empty() && !synthetic).then(|| prompt.into())
}

/// A prompt that arrived while tools were running. The program puts it into a reminder, a tool result or a
/// text beside that, and lets the turn go on, and so does the script, unless the prompt brings its own.
fn script_sent_meanwhile(text: &str) -> Option<String> {
    let (_, prompt) = text.split_once(SENT_MEANWHILE)?;
    prompt.contains("```offline").then(|| prompt.into())
}

fn without_reminders(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, reminder)) = rest.split_once("<system-reminder>") {
        kept.push_str(before);
        rest = reminder.split_once("</system-reminder>").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// Counts assistant messages; those whose tool uses came in one reply count once, however they are spread.
fn count_replies(messages: &[Message]) -> usize {
    let mut seen = HashSet::new();
    let assistant = messages.iter().filter(|message| message.role == Role::Assistant);
    assistant
        .filter(|message| {
            let ids = message.content.0.iter().find_map(|block| match block {
                Block::ToolUse { id, .. } => reply_id(id),
                Block::Text { .. } | Block::ToolResult { .. } | Block::Other => None,
            });
            ids.is_none_or(|id| seen.insert(id))
        })
        .count()
}

fn tool_uses<'a>(blocks: &[&'a Block]) -> Vec<ToolUse<'a>> {
    let result_of = |asked: &str| {
        blocks.iter().find_map(|block| match block {
            Block::ToolResult { tool_use_id, content, is_error } if tool_use_id == asked => {
                let text = content.texts().map(without_reminders).collect::<Vec<_>>().join("\n");
                Some(ToolResult { text, is_error: *is_error })
            }
            Block::ToolResult { .. } | Block::Text { .. } | Block::ToolUse { .. } | Block::Other => None,
        })
    };
    blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolUse { id, name, input } => Some(ToolUse { name, input, result: result_of(id) }),
            Block::Text { .. } | Block::ToolResult { .. } | Block::Other => None,
        })
        .collect()
}
