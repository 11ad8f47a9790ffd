//! The open connections of a server, and which of them does nothing.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::ResponseBody;

/// So many at most; one more ends the one that has been idle the longest, and is not let in if none is.
pub(super) struct Connections {
    limit: usize,
    tasks: JoinSet<()>,
    open: HashMap<Id, (AbortHandle, Activity)>,
}

/// What a connection is doing. Clones are of the same one.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<Doing>>);

struct Doing {
    requests: usize,
    since: Instant,
}

/// A request that is being answered.
pub(super) struct Busy(Activity);

/// An answer's body, until all of it is sent or nobody wants it any more.
pub(super) struct Sending {
    body: ResponseBody,
    _busy: Busy,
}

impl Connections {
    pub(super) fn at_most(limit: usize) -> Self {
        Self { limit, tasks: JoinSet::new(), open: HashMap::new() }
    }

    /// Waits until one has ended; for ever if there is none.
    pub(super) async fn next_end(&mut self) {
        let ended = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return std::future::pending().await,
        };
        self.open.remove(&ended);
    }

    /// Serves one more. It is dropped, and with it closed, if all others are being answered.
    pub(super) fn open<F>(&mut self, serve: impl FnOnce(Activity) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.open.len() >= self.limit && !self.end_idle() {
            tracing::warn!("a connection on loopback is refused: all that are open are being answered");
            return;
        }
        let activity = Activity(Arc::new(Mutex::new(Doing { requests: 0, since: Instant::now() })));
        let task = self.tasks.spawn(serve(activity.clone()));
        self.open.insert(task.id(), (task, activity));
    }

    fn end_idle(&mut self) -> bool {
        let idle = self.open.iter().filter_map(|(id, (_, activity))| Some((activity.idle_since()?, *id)));
        let Some((_, oldest)) = idle.min_by_key(|(since, _)| *since) else { return false };
        if let Some((task, _)) = self.open.remove(&oldest) {
            task.abort();
        }
        true
    }
}

impl Activity {
    pub(super) fn begin(&self) -> Busy {
        self.doing().requests += 1;
        Busy(self.clone())
    }

    fn idle_since(&self) -> Option<Instant> {
        let doing = self.doing();
        (doing.requests == 0).then_some(doing.since)
    }

    fn doing(&self) -> std::sync::MutexGuard<'_, Doing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    pub(super) fn until_sent(self, body: ResponseBody) -> Sending {
        Sending { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut doing = self.0.doing();
        doing.requests = doing.requests.saturating_sub(1);
        doing.since = Instant::now();
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::{Activity, Connections};

    /// A connection that ends when it is told to, or is ended.
    async fn until(ended: Arc<Notify>) {
        ended.notified().await;
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_one_goes_that_was_idle_the_longest() {
        let mut connections = Connections::at_most(3);
        let alive: Vec<_> = (0..4).map(|_| Arc::new(Notify::new())).collect();
        let mut activities: Vec<Activity> = vec![];
        let open = |connections: &mut Connections, activities: &mut Vec<Activity>| {
            let alive = Arc::clone(&alive[activities.len()]);
            connections.open(|activity| {
                activities.push(activity);
                until(alive)
            });
        };
        for _ in 0..3 {
            open(&mut connections, &mut activities);
        }
        let busy = activities[0].begin();

        open(&mut connections, &mut activities);
        connections.next_end().await;

        let is_alive: Vec<_> = alive.iter().map(|alive| Arc::strong_count(alive) > 1).collect();
        assert_eq!(is_alive, [true, false, true, true], "the first is being answered");
        drop(busy);
    }

    #[tokio::test]
    async fn who_comes_while_all_are_being_answered_is_not_let_in_and_nobody_else_suffers() {
        let mut connections = Connections::at_most(2);
        let never = Arc::new(Notify::new());
        let mut busy = vec![];
        for _ in 0..2 {
            connections.open(|activity| {
                busy.push(activity.begin());
                until(Arc::clone(&never))
            });
        }

        connections.open(|_| -> std::future::Ready<()> { panic!("there is no place") });

        let ended = tokio::time::timeout(Duration::from_millis(50), connections.next_end()).await;
        assert!(ended.is_err(), "nobody was ended");
    }
}
