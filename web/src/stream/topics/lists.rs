//! The list of sessions, and what waits in them for people, as topics: each frame has one session as it is.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use runner_actors::{AnySubscription, Sessions};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use runner_core::ports::{ChangedSession, ChangedSessions};
use serde::Serialize;
use serde_json::Value;

use super::{Content, News, Unreadable, json};
use crate::context::Context;
use crate::request::topics::{Followed, Topic};

/// How long changes are gathered before they are told: a turn writes many events in a second.
const GATHERED: Duration = Duration::from_millis(200);

pub(super) struct Lists {
    sessions: Sessions,
    reach: Reach,
    subscription: AnySubscription,
    topics: Vec<Topic>,
    /// Up to where the log was looked through; absent where the topics begin with what is new.
    position: Option<u64>,
    state: State,
    /// What was last told to wait in a session.
    told: HashMap<SessionId, Vec<Value>>,
    waiting: VecDeque<News>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was told.
    New,
    /// The log may have more.
    Stored,
    Live,
    Closing,
    Ended,
}

/// What waits in one session; nothing any more, where that is empty.
#[derive(Serialize)]
struct Waiting<'a> {
    session_id: SessionId,
    requests: &'a [Value],
}

impl Lists {
    /// Topics that were seen up to different positions go on from the first of them.
    pub(super) fn start(context: &Context, reach: Reach, followed: &[Followed]) -> Self {
        Self {
            sessions: context.sessions.clone(),
            reach,
            subscription: context.sessions.subscribe_to_any(),
            topics: followed.iter().map(|followed| followed.topic).collect(),
            position: followed.iter().filter_map(|followed| followed.seen).min(),
            state: State::New,
            told: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<News, Unreadable>> {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return Some(Ok(news));
            }
            match self.state {
                State::Ended => return None,
                State::Live => self.wait().await,
                State::New | State::Stored | State::Closing => {
                    if let Err(unreadable) = self.read().await {
                        return Some(Err(unreadable));
                    }
                }
            }
        }
    }

    async fn wait(&mut self) {
        self.state = if self.subscription.stored().await { State::Stored } else { State::Closing };
        if self.state == State::Stored {
            tokio::time::sleep(GATHERED).await;
        }
    }

    async fn read(&mut self) -> Result<(), Unreadable> {
        let changed = self.sessions.changed_sessions(&self.reach, self.position).await;
        let ChangedSessions { position, sessions } = changed.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a stream ends: nothing can be read");
            Unreadable
        })?;
        for topic in self.topics.clone() {
            let mut contents = match &sessions {
                None => vec![Content::Field("reset", Bytes::from_static(b"true"))],
                Some(sessions) => sessions.iter().filter_map(|changed| self.change(topic, changed)).collect(),
            };
            if self.state == State::New {
                contents.push(Content::UpToDate);
            }
            // Who is cut off among changes gets them all again.
            let first_at_the_end = if sessions.is_none() { 0 } else { contents.len().saturating_sub(1) };
            for (number, content) in contents.into_iter().enumerate() {
                let seen = if number >= first_at_the_end { Some(position) } else { self.position };
                self.waiting.push_back(News { topic, cursor: seen, content });
            }
        }
        self.position = Some(position);
        self.state = if self.state == State::Closing { State::Ended } else { State::Live };
        Ok(())
    }

    fn change(&mut self, topic: Topic, changed: &ChangedSession) -> Option<Content> {
        let session = changed.summary.head.id;
        match topic {
            Topic::Sessions => Some(Content::Field("session", json(&changed.summary)?)),
            Topic::Requests => {
                if self.told.get(&session) == Some(&changed.requests) {
                    return None;
                }
                self.told.insert(session, changed.requests.clone());
                let waiting = Waiting { session_id: session, requests: &changed.requests };
                Some(Content::Field("waiting", json(&waiting)?))
            }
            Topic::Session(_) => None,
        }
    }
}
