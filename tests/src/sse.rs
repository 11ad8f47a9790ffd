//! Reading server-sent events frame by frame.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

/// Longer than any frame may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A frame: its id, if it can be resumed from, and its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Where it is a version.
    pub id: Option<u64>,
    /// The same as it was sent.
    pub last_event_id: Option<String>,
    pub data: Value,
}

impl Frame {
    /// What kind of frame it is.
    pub fn kind(&self) -> &str {
        self.data["type"].as_str().unwrap_or_default()
    }
}

/// An open stream.
pub struct Frames {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: String,
    /// Lines that are not data: comments and `retry`.
    pub asides: Vec<String>,
}

impl Frames {
    pub fn new(response: reqwest::Response) -> Self {
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { bytes, buffer: String::new(), asides: vec![] }
    }

    /// The next frame; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block = self.buffer.drain(..end + 2).collect::<String>();
                self.note_asides(&block);
                return Some(parse(&block).unwrap_or_else(|| panic!("an event without data: {block:?}")));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next()).await.expect("a frame in time");
            let Some(Ok(chunk)) = chunk else {
                let rest = std::mem::take(&mut self.buffer);
                self.note_asides(&rest);
                return None;
            };
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    fn note_asides(&mut self, block: &str) {
        let is_aside = |line: &&str| line.starts_with(':') || line.starts_with("retry:");
        self.asides.extend(block.lines().filter(is_aside).map(str::to_owned));
    }

    /// Reads up to and including the first frame of a kind.
    pub async fn until(&mut self, kind: &str) -> Vec<Frame> {
        let mut frames = vec![];
        while let Some(frame) = self.next().await {
            let found = frame.kind() == kind;
            frames.push(frame);
            if found {
                return frames;
            }
        }
        panic!("the stream ended without `{kind}`: {:?}", kinds(&frames));
    }

    /// Reads to the end.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = vec![];
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// The kinds of frames, in order.
pub fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(Frame::kind).collect()
}

fn parse(block: &str) -> Option<Frame> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).unwrap();
    let last_event_id = field("id: ").map(str::to_owned);
    let id = last_event_id.as_ref().and_then(|id| id.parse().ok());
    Some(Frame { id, last_event_id, data })
}
