//! The choice of the reply to a call: a side call's, the script's, or the demonstration's.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use super::{
    conversation::Turn,
    demo,
    reply::{HttpError, Message, Reply},
    request::Request,
    script::Script,
    side_call,
};

const CLOSING: &str = "That was the last reply of the script.";
/// Scripted errors whose repetitions are counted. When there are more, counting starts anew.
const MAX_COUNTED_ERRORS: usize = 4096;

/// Chooses replies. Remembers nothing but how often an error with `times` was answered.
#[derive(Debug)]
pub(super) struct Playback {
    default_script: Option<Script>,
    answered_errors: Mutex<HashMap<u64, u64>>,
}

impl Playback {
    pub(super) fn new(default_script: Option<Script>) -> Self {
        Self { default_script, answered_errors: Mutex::default() }
    }

    /// The reply to one model call of the session that the header names.
    pub(super) fn reply(&self, request: &Request, session: &str) -> Reply {
        if let Some(answer) = side_call::find_answer(request) {
            tracing::debug!(model = request.model, "offline model answers a side call");
            return Reply::Message(answer);
        }
        let Some(turn) = request.find_turn() else { return Reply::Message(Message::text(CLOSING)) };
        tracing::debug!(
            session.id = session,
            replies = turn.replies,
            "offline model answers call {} of a turn",
            turn.replies + 1
        );
        let script = match Script::find_in_prompt(&turn.prompt) {
            Some(Ok(script)) => Some(Cow::Owned(script)),
            Some(Err(error)) => {
                return Reply::Message(Message::text(format!(
                    "I cannot play the script of this prompt: {error}."
                )));
            }
            None => self.default_script.as_ref().map(Cow::Borrowed),
        };
        match script {
            Some(script) => self.play(&script, &turn, session).in_folder(request.working_folder()),
            None => Reply::Message(demo::reply(request, &turn)),
        }
    }

    fn play(&self, script: &Script, turn: &Turn<'_>, session: &str) -> Reply {
        let mut messages = 0;
        for (index, reply) in script.replies().iter().enumerate() {
            match reply {
                // An error leaves no trace in the conversation: it stands in front of the message after it.
                Reply::Error(error)
                    if messages == turn.replies && self.is_due(error, turn, (session, index)) =>
                {
                    return reply.clone();
                }
                Reply::Error(_) => {}
                Reply::Message(_) if messages == turn.replies => return reply.clone(),
                Reply::Message(_) => messages += 1,
            }
        }
        Reply::Message(Message::text(CLOSING))
    }

    /// Whether a scripted error is due once more; counts it if so. The key holds the prompt but not its
    /// place, which a compaction between two attempts would move.
    fn is_due(&self, error: &HttpError, turn: &Turn<'_>, place: (&str, usize)) -> bool {
        let Some(times) = error.times else { return true };
        let mut hasher = DefaultHasher::new();
        (place, &turn.prompt).hash(&mut hasher);
        let key = hasher.finish();

        let mut answered = self.answered_errors.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.len() >= MAX_COUNTED_ERRORS && !answered.contains_key(&key) {
            answered.clear();
        }
        let count = answered.entry(key).or_default();
        let is_due = *count < times;
        *count += u64::from(is_due);
        is_due
    }
}
