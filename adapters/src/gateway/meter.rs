//! The usage of a call, read from its answer on the way. Not a byte is changed or held back.

use runner_core::money::MicroDollars;
use runner_core::spend::Usage;
use serde::Deserialize;

use super::prices::{self, BYTES_PER_TOKEN, Counts};

/// The most iterations that are read of one call: questions that the API asks other models, or again, on its
/// behalf.
const MOST_ITERATIONS: usize = 1000;

/// Lines that are longer have no usage in them.
const MAX_LINE_BYTES: usize = 256 * 1024;

/// The most tokens that are counted, far more than any model takes. Sums of such numbers stay far from the
/// largest there are.
const MOST_TOKENS: u64 = 10_000_000_000;
const MOST_WEB_SEARCHES: u64 = 10_000;

/// The usage of one answer, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Meter {
    model: Option<String>,
    counts: Counts,
    /// Questions beside the message itself, in the order in which they came.
    iterations: Vec<Iteration>,
    is_input_known: bool,
    /// Bytes of content so far: the only measure until the output is known.
    written_bytes: u64,
    is_output_known: bool,
    progress: Progress,
    has_news: bool,
    line: Vec<u8>,
    is_line_too_long: bool,
}

/// The progress of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    #[default]
    Open,
    Complete,
    /// The API reported an error.
    Failed,
}

impl Meter {
    /// Takes the next piece of a stream, cut anywhere.
    pub(super) fn stream(&mut self, bytes: &[u8]) -> Progress {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let fits = !self.is_line_too_long && self.line.len() + piece.len() <= MAX_LINE_BYTES;
            if fits {
                self.line.extend_from_slice(piece);
            } else {
                self.is_line_too_long = true;
                self.line.clear();
            }
            if piece.ends_with(b"\n") {
                self.end_of_line();
            }
        }
        self.progress
    }

    /// Takes a message that came whole.
    pub(super) fn whole(&mut self, bytes: &[u8]) {
        // Errors and counts of tokens are no messages, and have no usage.
        if let Ok(message) = serde_json::from_slice::<Message>(bytes) {
            self.message(message);
            self.is_output_known = true;
        }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Estimates the input from the bytes of a question that was sent, where the API has not said its tokens.
    pub(super) fn assume_input(&mut self, bytes: u64) {
        if !self.is_input_known {
            self.counts.input = self.counts.input.max(bytes.div_ceil(BYTES_PER_TOKEN)).min(MOST_TOKENS);
        }
    }

    /// The usage, and its cost at this model's prices.
    pub(super) fn reading(&self, model: &str) -> (Usage, MicroDollars) {
        let mut counts = self.counts;
        // The sums count all parts of the message, or only some; the larger number is right.
        let parts = self.iterations.iter().filter(|part| part.kind == IterationKind::Message);
        let parts = parts.fold(Counts::default(), |sum, part| add(sum, &part.counts()));
        counts.input = counts.input.max(parts.input);
        counts.output = counts.output.max(parts.output);
        counts.cache_read = counts.cache_read.max(parts.cache_read);
        counts.cache_write = counts.cache_write.max(parts.cache_write);
        counts.cache_write_1h = counts.cache_write_1h.max(parts.cache_write_1h);
        if !self.is_output_known {
            counts.output = counts.output.max(self.written_bytes.div_ceil(BYTES_PER_TOKEN));
        }
        let mut all = (usage(&counts), prices::cost(model, &counts));
        for part in self.iterations.iter().filter(|part| part.kind == IterationKind::Beside) {
            let counts = part.counts();
            all.0 = all.0.plus(usage(&counts));
            all.1 += prices::cost(part.model.as_deref().unwrap_or(model), &counts);
        }
        (all.0, all.1.min(prices::MOST_COST))
    }

    /// Whether the cost of what was read is more or less guessed.
    pub(super) fn is_estimate(&self, model: &str) -> bool {
        let beside = self.iterations.iter().filter_map(|part| part.model.as_deref());
        let is_priced = beside.chain([model]).all(prices::is_listed);
        !(is_priced && self.is_input_known && self.is_output_known)
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.is_line_too_long = false;
        if let Some(data) = line.strip_prefix(b"data:")
            && let Ok(event) = serde_json::from_slice::<Event>(data)
        {
            self.event(event);
        }
        self.line = line;
        self.line.clear();
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::MessageStart { message } => self.message(message),
            Event::ContentBlockDelta { delta } => self.written_bytes += delta.written_bytes(),
            Event::MessageDelta { usage } => {
                self.is_output_known |= usage.output_tokens.is_some();
                self.count(&usage);
            }
            Event::MessageStop => self.progress = Progress::Complete,
            Event::Error => self.progress = Progress::Failed,
            Event::Other => {}
        }
    }

    fn message(&mut self, message: Message) {
        self.model = message.model.or_else(|| self.model.take());
        self.count(&message.usage);
    }

    /// Whether more is known than at the last call of this function.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Each number stands for the whole message; a number that is not repeated has not changed.
    fn count(&mut self, usage: &WireUsage) {
        self.has_news = true;
        self.is_input_known |= usage.input_tokens.is_some();
        usage.count(&mut self.counts);
        if let Some(iterations) = &usage.iterations {
            let iterations = iterations.iter().take(MOST_ITERATIONS);
            // A part that cannot be read does not hide the others.
            self.iterations = iterations.filter_map(|part| Iteration::deserialize(part).ok()).collect();
        }
    }
}

fn usage(counts: &Counts) -> Usage {
    Usage {
        input_tokens: counts.input,
        output_tokens: counts.output,
        cache_read_input_tokens: counts.cache_read,
        cache_creation_input_tokens: counts.cache_write.saturating_add(counts.cache_write_1h),
    }
}

fn add(one: Counts, other: &Counts) -> Counts {
    Counts {
        input: one.input.saturating_add(other.input),
        output: one.output.saturating_add(other.output),
        cache_read: one.cache_read.saturating_add(other.cache_read),
        cache_write: one.cache_write.saturating_add(other.cache_write),
        cache_write_1h: one.cache_write_1h.saturating_add(other.cache_write_1h),
        web_searches: one.web_searches.saturating_add(other.web_searches),
        is_fast: one.is_fast || other.is_fast,
    }
}

/// One of several questions that the API asked models to answer one call.
#[derive(Debug, Deserialize)]
struct Iteration {
    #[serde(rename = "type")]
    kind: IterationKind,
    /// Absent where it is the model of the call.
    model: Option<String>,
    #[serde(flatten)]
    usage: WireUsage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum IterationKind {
    /// A part of the message, which the message's own usage counts.
    #[serde(rename = "message")]
    Message,
    /// An advisor's answer, a compaction of the context: nothing else counts it.
    #[serde(other)]
    Beside,
}

impl Iteration {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.usage.count(&mut counts);
        counts
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Message,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    MessageDelta {
        #[serde(default)]
        usage: WireUsage,
    },
    MessageStop,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    model: Option<String>,
    #[serde(default)]
    usage: WireUsage,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
}

impl Delta {
    fn written_bytes(&self) -> u64 {
        let texts = [&self.text, &self.thinking, &self.partial_json];
        texts.into_iter().flatten().map(|text| text.len() as u64).sum()
    }
}

#[derive(Debug, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    server_tool_use: Option<ServerToolUse>,
    speed: Option<String>,
    iterations: Option<Vec<serde_json::Value>>,
}

impl WireUsage {
    fn count(&self, counts: &mut Counts) {
        counts.input = self.input_tokens.unwrap_or(counts.input);
        counts.output = self.output_tokens.unwrap_or(counts.output);
        counts.cache_read = self.cache_read_input_tokens.unwrap_or(counts.cache_read);
        if let Some(by_age) = &self.cache_creation {
            counts.cache_write_1h = by_age.ephemeral_1h_input_tokens.unwrap_or(counts.cache_write_1h);
        }
        if let Some(written) = self.cache_creation_input_tokens {
            counts.cache_write = written.saturating_sub(counts.cache_write_1h);
        }
        for number in [
            &mut counts.input,
            &mut counts.output,
            &mut counts.cache_read,
            &mut counts.cache_write,
            &mut counts.cache_write_1h,
        ] {
            *number = (*number).min(MOST_TOKENS);
        }
        if let Some(server) = &self.server_tool_use {
            let searches = server.web_search_requests.unwrap_or(counts.web_searches);
            counts.web_searches = searches.min(MOST_WEB_SEARCHES);
        }
        counts.is_fast |= self.speed.as_deref() == Some("fast");
    }
}

#[derive(Debug, Deserialize)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ServerToolUse {
    web_search_requests: Option<u64>,
}
