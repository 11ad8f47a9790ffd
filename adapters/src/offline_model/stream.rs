//! A message in the two forms of the Messages API: server-sent events, and one JSON object.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use super::reply::{Block, Ending, Message};

/// Characters of one delta. Long blocks get longer deltas, so that a block is never more than some hundred
/// events.
const DELTA_CHARS: usize = 12;
const DELTAS_PER_BLOCK: usize = 400;
const CUT_DELAY: Duration = Duration::from_millis(20);
/// The signature of thinking. The program hands signatures back and never looks inside; only the real API
/// could tell that it is none.
const SIGNATURE: &str = "b2ZmbGluZSBtb2RlbA==";

/// A message with the ids of this one call. Ids of its tool uses begin with [`reply_id`] of the message, so
/// that a conversation tells which tool uses were asked together.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) model: String,
    pub(super) message: Message,
    id: String,
}

impl Call {
    pub(super) fn new(model: String, message: Message) -> Self {
        Self { model, message, id: Uuid::now_v7().simple().to_string() }
    }

    /// The complete message, for a client that does not stream.
    pub(super) fn to_json(&self) -> Value {
        let mut message = self.envelope();
        message["content"] =
            self.message.blocks.iter().enumerate().map(|(index, block)| self.block(index, block)).collect();
        message["stop_reason"] = json!(self.message.stop_reason);
        message["usage"] = json!(self.message.usage);
        message
    }

    /// The message as the chunks of an event stream, paced and ended as the script says.
    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let chunk_delay = self.message.chunk_delay;
        let events =
            stream::iter(self.events().into_iter().enumerate()).then(move |(index, event)| async move {
                if index > 0 && !chunk_delay.is_zero() {
                    tokio::time::sleep(chunk_delay).await;
                }
                Ok(event)
            });
        let ending = self.message.ending;
        events.chain(stream::once(end(ending)).filter_map(|end| async { end.map(Err) }))
    }

    fn events(&self) -> Vec<Bytes> {
        let mut events = vec![event(json!({"type": "message_start", "message": self.envelope()}))];
        for (index, block) in self.message.blocks.iter().enumerate() {
            let start = self.block_start(index, block);
            events
                .push(event(json!({"type": "content_block_start", "index": index, "content_block": start})));
            events.extend(
                deltas(block).into_iter().map(|delta| {
                    event(json!({"type": "content_block_delta", "index": index, "delta": delta}))
                }),
            );
            events.push(event(json!({"type": "content_block_stop", "index": index})));
        }
        match self.message.ending {
            Ending::Complete => {
                let delta = json!({"stop_reason": self.message.stop_reason, "stop_sequence": null});
                let usage = self.message.usage;
                events.push(event(json!({"type": "message_delta", "delta": delta, "usage": usage})));
                events.push(event(json!({"type": "message_stop"})));
            }
            Ending::Hang => {}
            // The last block stays open: its end is what the cut takes away.
            Ending::Cut => events.truncate(events.len().max(2) - 1),
        }
        events
    }

    fn envelope(&self) -> Value {
        let mut usage = json!(self.message.usage);
        usage["output_tokens"] = json!(1);
        json!({
            "id": format!("msg_offline_{}", self.id),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage,
        })
    }

    fn block(&self, index: usize, block: &Block) -> Value {
        match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::Thinking(text) => json!({"type": "thinking", "thinking": text, "signature": SIGNATURE}),
            Block::ToolUse(tool_use) => {
                let id = format!("toolu_offline_{}_{index}", self.id);
                json!({"type": "tool_use", "id": id, "name": tool_use.name, "input": tool_use.input})
            }
        }
    }

    /// A block as it opens: the same without its content, which follows as deltas.
    fn block_start(&self, index: usize, block: &Block) -> Value {
        let mut start = self.block(index, block);
        match block {
            Block::Text(_) => start["text"] = json!(""),
            Block::Thinking(_) => (start["thinking"], start["signature"]) = (json!(""), json!("")),
            Block::ToolUse(_) => start["input"] = json!({}),
        }
        start
    }
}

/// The part of a tool use id that all tool uses of one message share; `None` for ids of another model.
pub(super) fn reply_id(tool_use_id: &str) -> Option<&str> {
    tool_use_id.strip_prefix("toolu_offline_")?.split('_').next()
}

/// The end of a stream after its last event: nothing more, an error, or no end at all.
async fn end(ending: Ending) -> Option<io::Error> {
    match ending {
        Ending::Complete => None,
        Ending::Hang => std::future::pending().await,
        Ending::Cut => {
            // Time for hyper to write the events: a failing body drops unwritten bytes.
            tokio::time::sleep(CUT_DELAY).await;
            Some(io::ErrorKind::ConnectionAborted.into())
        }
    }
}

fn event(data: Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn deltas(block: &Block) -> Vec<Value> {
    match block {
        Block::Text(text) => {
            pieces(text).into_iter().map(|text| json!({"type": "text_delta", "text": text})).collect()
        }
        Block::Thinking(text) => pieces(text)
            .into_iter()
            .map(|thinking| json!({"type": "thinking_delta", "thinking": thinking}))
            .chain([json!({"type": "signature_delta", "signature": SIGNATURE})])
            .collect(),
        Block::ToolUse(tool_use) => pieces(&tool_use.input.to_string())
            .into_iter()
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
            .collect(),
    }
}

fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let length = DELTA_CHARS.max(characters.len().div_ceil(DELTAS_PER_BLOCK));
    characters.chunks(length).map(|piece| piece.iter().collect()).collect()
}
