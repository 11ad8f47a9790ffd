//! Many topics in one stream, for browsers, which hold few connections to a server.
//!
//! Each topic is read from the log from where it was seen last. The `id` of a frame has the cursors of all
//! topics, so that a client that only sends the last one goes on in all of them.

mod lists;
mod session;

use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::stream::{LocalBoxStream, SelectAll};
use futures_util::{StreamExt as _, stream};
use runner_actors::AnySubscription;
use runner_core::people::principal::Principal;
use serde::Serialize;
use tokio::time::Instant;

use self::lists::Lists;
use self::session::OneSession;
use super::{ALIVE, HEARTBEAT, RECONNECT_MS, response};
use crate::context::Context;
use crate::limits::streams::StreamPlace;
use crate::request::topics::{Followed, Topic};

/// Something new of a topic.
struct News {
    topic: Topic,
    /// How much of the topic was seen with it; absent from what is not stored.
    cursor: Option<u64>,
    content: Content,
}

enum Content {
    /// All until now was told.
    UpToDate,
    /// One field of the frame, as JSON.
    Field(&'static str, Bytes),
    /// Nothing of the topic will follow, because of the problem in this field.
    Last(&'static str, Bytes),
}

/// A topic cannot be read: the stream ends, and its client tries again.
struct Unreadable;

type Source = LocalBoxStream<'static, Result<News, Unreadable>>;

/// The response of a stream of topics.
pub(crate) fn respond(
    context: &Context,
    caller: &Principal,
    followed: &[Followed],
    place: StreamPlace,
) -> HttpResponse {
    let lists = followed.iter().filter(|followed| !matches!(followed.topic, Topic::Session(_)));
    let lists: Vec<Followed> = lists.copied().collect();
    let mut sources: Vec<Source> = vec![];
    if !lists.is_empty() {
        sources.push(source(Lists::start(context, caller.reach(), &lists), Lists::next));
    }
    for Followed { topic, seen } in followed {
        if let Topic::Session(session) = *topic {
            let one = OneSession::start(context, caller.reach(), (session, *seen));
            sources.push(source(one, OneSession::next));
        }
    }
    let topics = Topics {
        sources: stream::select_all(sources),
        cursors: vec![],
        subscription: context.sessions.subscribe_to_any(),
        heartbeat: tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT),
        state: State::Open,
        _place: place,
    };
    response(stream::unfold(topics, |mut topics| async move {
        let bytes = topics.next().await?;
        Some((bytes, topics))
    }))
}

fn source<S: 'static>(
    state: S,
    next: impl AsyncFn(&mut S) -> Option<Result<News, Unreadable>> + Copy + 'static,
) -> Source {
    let news = stream::unfold(state, move |mut state| async move {
        let news = next(&mut state).await?;
        Some((news, state))
    });
    news.boxed_local()
}

struct Topics {
    sources: SelectAll<Source>,
    /// Of the topics of which something was told, in the order in which that began.
    cursors: Vec<(Topic, u64)>,
    subscription: AnySubscription,
    heartbeat: tokio::time::Interval,
    state: State,
    /// Counts among the open streams.
    _place: StreamPlace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The server stops: the stream ends when its topics have told what is stored.
    Closing,
    Ended,
}

impl Topics {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.state {
                State::Ended => return None,
                State::Closing if self.sources.is_empty() => {
                    self.state = State::Ended;
                    return Some(Bytes::from(format!("retry: {RECONNECT_MS}\n")));
                }
                State::Open | State::Closing => {}
            }
            tokio::select! {
                biased;
                news = self.sources.next(), if !self.sources.is_empty() => match news {
                    Some(Ok(news)) => return Some(self.frame(&news)),
                    Some(Err(Unreadable)) => self.state = State::Ended,
                    None => {}
                },
                () = self.subscription.closed(), if self.state == State::Open => self.state = State::Closing,
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(ALIVE)),
            }
        }
    }

    fn frame(&mut self, news: &News) -> Bytes {
        let id = news.cursor.map_or_else(String::new, |cursor| self.advance(news.topic, cursor));
        let cursor = news.cursor.map_or_else(String::new, |cursor| format!(r#","cursor":"{cursor}""#));
        let mut frame = format!(r#"{id}data: {{"topic":"{}"{cursor}"#, news.topic).into_bytes();
        match &news.content {
            Content::UpToDate => {}
            Content::Field(name, json) | Content::Last(name, json) => {
                frame.extend_from_slice(format!(r#","{name}":"#).as_bytes());
                frame.extend_from_slice(json);
            }
        }
        if let Content::Last(..) = news.content {
            self.cursors.retain(|(topic, _)| *topic != news.topic);
        }
        frame.extend_from_slice(b"}\n\n");
        Bytes::from(frame)
    }

    /// The line with all cursors, after one of them has moved.
    fn advance(&mut self, moved: Topic, to: u64) -> String {
        match self.cursors.iter_mut().find(|(topic, _)| *topic == moved) {
            Some((_, cursor)) => *cursor = to,
            None => self.cursors.push((moved, to)),
        }
        let cursors = self.cursors.iter().map(|(topic, cursor)| format!("{topic}@{cursor}"));
        format!("id: {}\n", cursors.collect::<Vec<_>>().join(","))
    }
}

/// As JSON; nothing where that fails, which is logged.
fn json(value: &impl Serialize) -> Option<Bytes> {
    let written = serde_json::to_vec(value).map(Bytes::from);
    written.inspect_err(|error| tracing::error!(%error, "a frame cannot be written")).ok()
}
