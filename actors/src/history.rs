//! Reading sessions back: views folded from the log, the newest ones kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use runner_core::ids::SessionId;
use runner_core::log::RecordedEvent;
use runner_core::ports::{EventLog, ReadError};
use runner_core::session::changes::Changes;
use runner_core::session::event::SessionEvent;
use runner_core::session::messages::Conversation;
use runner_core::session::view::SessionView;

use crate::store::replay;

/// Views kept in memory; the one that was not asked for longest goes first.
const MAX_VIEWS: usize = 32;

pub(crate) struct History {
    log: Arc<dyn EventLog>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    views: HashMap<SessionId, CachedView>,
    clock: u64,
}

struct CachedView {
    view: Arc<SessionView>,
    used_at: u64,
}

impl History {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, cache: Mutex::default() }
    }

    /// The session as it is now; absent if there is none.
    pub(crate) async fn view(&self, session: SessionId) -> Result<Option<Arc<SessionView>>, ReadError> {
        let cached = self.cached(session);
        let known = cached.as_ref().map_or(0, |view| view.head.version);
        let view = self.fold(session, cached, u64::MAX).await?;
        if let Some(view) = &view
            && view.head.version > known
        {
            self.keep(session, Arc::clone(view));
        }
        Ok(view)
    }

    /// The session as it was when it had `version` events.
    pub(crate) async fn view_at(
        &self,
        session: SessionId,
        version: u64,
    ) -> Result<Option<Arc<SessionView>>, ReadError> {
        self.fold(session, None, version).await
    }

    pub(crate) async fn conversation(&self, session: SessionId) -> Result<Conversation, ReadError> {
        let mut conversation = Conversation::default();
        self.each(session, 0, u64::MAX, |recorded, event| conversation.apply(recorded.version, event))
            .await?;
        Ok(conversation)
    }

    /// The events up to a version.
    pub(crate) async fn events(&self, session: SessionId, to: u64) -> Result<Vec<SessionEvent>, ReadError> {
        let mut events = vec![];
        self.each(session, 0, to, |_, event| events.push(event.clone())).await?;
        Ok(events)
    }

    /// What was changed in files up to a version.
    pub(crate) async fn changes(&self, session: SessionId, to: u64) -> Result<Changes, ReadError> {
        let mut changes = Changes::default();
        self.each(session, 0, to, |recorded, event| changes.apply(recorded.version, event)).await?;
        Ok(changes)
    }

    /// Tells the events of a session in order.
    pub(crate) async fn replay(
        &self,
        session: SessionId,
        mut visit: impl FnMut(u64, &SessionEvent) + Send,
    ) -> Result<(), ReadError> {
        self.each(session, 0, u64::MAX, |recorded, event| visit(recorded.version, event)).await
    }

    async fn fold(
        &self,
        session: SessionId,
        from: Option<Arc<SessionView>>,
        to: u64,
    ) -> Result<Option<Arc<SessionView>>, ReadError> {
        let after = from.as_ref().map_or(0, |view| view.head.version);
        let mut folded = from;
        self.each(session, after, to, |recorded, event| match &mut folded {
            Some(view) => Arc::make_mut(view).apply(recorded, event),
            None => folded = SessionView::open(event, recorded.happened_at()).map(Arc::new),
        })
        .await?;
        Ok(folded)
    }

    async fn each(
        &self,
        session: SessionId,
        after: u64,
        to: u64,
        mut visit: impl FnMut(&RecordedEvent, &SessionEvent) + Send,
    ) -> Result<(), ReadError> {
        replay(&*self.log, session.into(), after + 1..=to, |recorded| {
            let event = recorded.decode().map_err(|source| ReadError(source.into()))?;
            visit(&recorded, &event);
            Ok(())
        })
        .await
    }

    fn cached(&self, session: SessionId) -> Option<Arc<SessionView>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let now = cache.clock;
        let cached = cache.views.get_mut(&session)?;
        cached.used_at = now;
        Some(Arc::clone(&cached.view))
    }

    fn keep(&self, session: SessionId, view: Arc<SessionView>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let used_at = cache.clock;
        cache.views.insert(session, CachedView { view, used_at });
        if cache.views.len() > MAX_VIEWS {
            let oldest = cache.views.iter().min_by_key(|(_, cached)| cached.used_at).map(|(id, _)| *id);
            oldest.and_then(|id| cache.views.remove(&id));
        }
    }
}
