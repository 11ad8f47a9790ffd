//! One session as a topic: its events, and pieces of what is being written.

use std::collections::VecDeque;

use runner_actors::{RunnerError, Subscription, Wake};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use runner_core::session::frame::Frame;

use super::{Content, News, Unreadable, json};
use crate::context::Context;
use crate::http::error::not_found;
use crate::request::topics::Topic;
use crate::stream::events::{EventsFeed, Rest, Shown};

pub(super) struct OneSession {
    feed: EventsFeed,
    subscription: Subscription,
    /// Absent where the topic begins with what is new.
    seen: Option<u64>,
    state: State,
    waiting: VecDeque<News>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Whether its reader may see it is not known.
    New,
    /// The log has what was not told, and the topic is not live.
    Behind,
    /// The log may have more.
    Stored,
    Live,
    Closing,
    Ended,
}

impl OneSession {
    pub(super) fn start(context: &Context, reach: Reach, (session, seen): (SessionId, Option<u64>)) -> Self {
        let subscription = context.sessions.subscribe(session, true);
        let (sessions, recent) = (context.sessions.clone(), context.recent.of(session));
        let feed = EventsFeed { sessions, session, recent, after: seen.unwrap_or(0), types: vec![], reach };
        Self { feed, subscription, seen, state: State::New, waiting: VecDeque::new() }
    }

    pub(super) async fn next(&mut self) -> Option<Result<News, Unreadable>> {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return Some(Ok(news));
            }
            let went_well = match self.state {
                State::Ended => return None,
                State::New => self.find().await,
                State::Behind | State::Stored | State::Closing => self.read().await,
                State::Live => {
                    self.wait().await;
                    Ok(())
                }
            };
            if let Err(unreadable) = went_well {
                return Some(Err(unreadable));
            }
        }
    }

    /// Nothing is told of a session out of reach but that there is none.
    async fn find(&mut self) -> Result<(), Unreadable> {
        let head = match self.feed.sessions.find(&self.feed.reach, self.feed.session).await {
            Ok(summary) => summary.head,
            Err(RunnerError::NotFound) => {
                self.end_out_of_reach();
                return Ok(());
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a stream ends: nothing can be read"
                );
                return Err(Unreadable);
            }
        };
        self.state = State::Behind;
        if self.seen.is_some_and(|seen| seen > head.version) {
            self.tell(Some(head.version), Content::Field("reset", "true".into()));
        }
        self.feed.after = self.seen.unwrap_or(head.version).min(head.version);
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Unreadable> {
        let Shown { frames, rest } = self.feed.next().await;
        let is_at_end = frames.is_empty();
        for frame in frames {
            self.tell(Some(frame.version), Content::Field("event", frame.json));
        }
        match (rest, self.state) {
            (Rest::Unreadable, _) => return Err(Unreadable),
            (Rest::OutOfReach, _) => self.end_out_of_reach(),
            (Rest::MayFollow, _) if !is_at_end => {}
            (Rest::MayFollow, State::Closing) => self.state = State::Ended,
            (Rest::MayFollow, State::Behind) => {
                self.tell(Some(self.feed.after), Content::UpToDate);
                self.state = State::Live;
            }
            (Rest::MayFollow, State::New | State::Stored | State::Live | State::Ended) => {
                self.state = State::Live;
            }
        }
        Ok(())
    }

    async fn wait(&mut self) {
        match self.subscription.wake().await {
            Wake::Stored => self.state = State::Stored,
            Wake::Closed => self.state = State::Closing,
            Wake::Delta(live) => {
                let now = self.feed.sessions.now();
                let frame = Frame::delta(self.feed.session, live.turn, &live.delta, now);
                if let Some(frame) = json(&frame) {
                    self.tell(None, Content::Field("delta", frame));
                }
            }
        }
    }

    fn end_out_of_reach(&mut self) {
        if let Some(problem) = json(&not_found()) {
            self.tell(None, Content::Last("problem", problem));
        }
        self.state = State::Ended;
    }

    fn tell(&mut self, cursor: Option<u64>, content: Content) {
        self.waiting.push_back(News { topic: Topic::Session(self.feed.session), cursor, content });
    }
}
