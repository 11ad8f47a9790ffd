//! The reading of an agent's lines, which hands answers to those who wait for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runner_core::agent::AgentOutput;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::{mpsc, oneshot};

use super::decode::decode;
use super::incoming::Incoming;
use super::outgoing;
use super::plans::ProposedPlan;
use super::subagent_files::FileReports;
use crate::session_tokens::{PieceMask, mask_line};

/// A line of output may carry a whole file; longer lines are skipped.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

type Answer = Result<Value, String>;

/// The callers that wait for answers of the agent, by the id of their request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    state: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_request: HashMap<String, oneshot::Sender<Answer>>,
    any_came: bool,
}

impl Answers {
    pub(crate) fn expect(&self, request_id: String) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        self.lock().by_request.insert(request_id, answer);
        answered
    }

    /// Whether the agent has ever answered. It answers once it is up.
    pub(crate) fn any_came(&self) -> bool {
        self.lock().any_came
    }

    fn take(&self, request_id: &str, outcome: Answer) {
        let mut state = self.lock();
        state.any_came = true;
        if let Some(waiting) = state.by_request.remove(request_id) {
            // The caller may have given up.
            waiting.send(outcome).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn read_lines(
    stdout: ChildStdout,
    outputs: mpsc::Sender<AgentOutput>,
    lines: mpsc::WeakSender<Value>,
    answers: Answers,
) {
    let mut reader = BufReader::with_capacity(64 * 1024, stdout);
    let mut current_message = String::new();
    let mut reports = FileReports::default();
    let mut plan = ProposedPlan::default();
    let mut pieces = PieceMask::default();
    let mut line = Vec::new();
    while let Ok(Some(fits)) = next_line(&mut reader, &mut line).await {
        mask_line(&mut line);
        let decoded = match fits {
            true => decode(&line, &mut current_message),
            false => vec![Incoming::Output(too_long())],
        };
        for incoming in decoded {
            let Some(output) = output(incoming, &mut reports, &lines, &answers).await else { continue };
            for output in pieces.pass(plan.complete(output)) {
                if outputs.send(output).await.is_err() {
                    return; // Nobody listens any more.
                }
            }
        }
        if line.capacity() > 1024 * 1024 {
            line = Vec::new();
        }
    }
}

/// The output to report of a line. A line that is none is dealt with here.
async fn output(
    incoming: Incoming,
    reports: &mut FileReports,
    lines: &mpsc::WeakSender<Value>,
    answers: &Answers,
) -> Option<AgentOutput> {
    match incoming {
        Incoming::Output(output) => Some(reports.complete(output)),
        Incoming::Delta(delta) => Some(AgentOutput::Delta(delta)),
        Incoming::Answered { request_id, outcome } => {
            answers.take(&request_id, outcome);
            None
        }
        Incoming::Unsupported { request_id, subtype } => {
            answer(lines, outgoing::unsupported(&request_id, &subtype)).await;
            None
        }
        Incoming::Reported { request_id, report } => {
            report.into_iter().for_each(|report| reports.keep(report));
            answer(lines, outgoing::heard(&request_id)).await;
            None
        }
    }
}

async fn answer(lines: &mpsc::WeakSender<Value>, line: Value) {
    if let Some(lines) = lines.upgrade() {
        // Nobody waits for the answer where the agent has ended.
        lines.send(line).await.ok();
    }
}

/// Reads up to the next line break; `None` at the end, `false` for a line that was too long to keep.
async fn next_line(
    reader: &mut (impl AsyncBufReadExt + Unpin),
    line: &mut Vec<u8>,
) -> std::io::Result<Option<bool>> {
    line.clear();
    let mut fits = true;
    loop {
        let read = (&mut *reader).take(MAX_LINE_BYTES).read_until(b'\n', line).await?;
        let is_cut = read as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n');
        match (read, is_cut) {
            (0, _) if line.is_empty() && fits => return Ok(None),
            (_, false) => return Ok(Some(fits)),
            (_, true) => {
                fits = false;
                line.clear();
            }
        }
    }
}

fn too_long() -> AgentOutput {
    AgentOutput::Other {
        raw: serde_json::json!({ "type": "line_skipped", "longer_than_bytes": MAX_LINE_BYTES }),
    }
}
