//! Recording what was refused, beside the requests: none of them waits for it.
//!
//! Every refusal goes through a bounded queue to one task, which counts equal ones together and appends
//! the rest. Nothing is done without a record because of that: what is refused has no effect, and what is
//! allowed is appended first and done afterwards. If the queue is full or the log cannot be written, the
//! refusals are counted, the program's own log says so, and their number is appended when it can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runner_core::ids::{CommandId, TenantId};
use runner_core::log::{AggregateEvent as _, LogStream, Provenance};
use runner_core::people::account::Account;
use runner_core::people::account::username::Username;
use runner_core::people::audit::decision::NatureOfCall;
use runner_core::people::audit::ledger::{Denial, Ledger, Noted};
use runner_core::people::audit::{self, AuditFilter, AuditPage};
use runner_core::ports::{AuditLog, Clock, ReadError};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::Repository;

/// Refusals that wait to be recorded.
const MAX_WAITING: usize = 1024;

/// How often it is looked whether something has been counted for long enough.
const UNTIL_SETTLED: Duration = Duration::from_secs(1);

/// How long an append may take before it is given up.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The audit trail. Clones share everything.
#[derive(Clone)]
pub struct Audit {
    log: Arc<dyn AuditLog>,
    nature: NatureOfCall,
    sender: mpsc::Sender<Message>,
    /// Refusals that found the queue full.
    missed: Arc<AtomicU64>,
}

enum Message {
    Denied(Box<Denial>, Option<Username>),
    Close(oneshot::Sender<()>),
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

impl Audit {
    /// Starts the task that records, on the current tokio runtime.
    pub fn start(
        (log, nature): (Arc<dyn AuditLog>, NatureOfCall),
        repository: Repository,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (sender, messages) = mpsc::channel(MAX_WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        let ledger = Ledger::default();
        let recorder = Recorder { repository, clock, ledger, missed: Arc::clone(&missed), is_failing: false };
        tokio::spawn(recorder.run(messages));
        Self { log, nature, sender, missed }
    }

    /// Notes a refusal; returns at once. Where the caller claimed an account, the refusal is about that
    /// account if it exists. If it does not, the claimed name may be a password in the wrong field,
    /// and is not repeated.
    pub fn denied(&self, denial: Denial, claimed: Option<Username>) {
        if self.sender.try_send(Message::Denied(Box::new(denial), claimed)).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records what has been counted so far. Later refusals are not recorded.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.sender.send(Message::Close(done)).await.is_ok() {
            closed.await.ok(); // An error means that there is nothing more to close.
        }
    }

    pub async fn list(&self, filter: AuditFilter) -> Result<AuditPage, ReadError> {
        let mut page = self.log.read_audit(filter).await?;
        for decided in page.entries.iter_mut().filter_map(|entry| entry.decided.as_mut()) {
            decided.describe(self.nature);
        }
        Ok(page)
    }
}

struct Recorder {
    repository: Repository,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    missed: Arc<AtomicU64>,
    is_failing: bool,
}

impl Recorder {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut settling = tokio::time::interval(UNTIL_SETTLED);
        settling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let noted = tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Denied(denial, claimed)) => {
                        let denial = self.name_account(*denial, claimed).await;
                        self.ledger.note(denial, self.clock.now()).into_iter().collect()
                    }
                    Some(Message::Close(done)) => {
                        self.count_missed();
                        let noted = self.ledger.close();
                        self.record(noted).await;
                        done.send(()).ok(); // Whoever waited may have gone.
                        return;
                    }
                    None => return,
                },
                _ = settling.tick() => {
                    self.count_missed();
                    self.ledger.settle(self.clock.now())
                }
            };
            self.record(noted).await;
        }
    }

    /// Looked up here, where nobody waits for it: the time of an answer tells nothing.
    async fn name_account(&self, denial: Denial, claimed: Option<Username>) -> Denial {
        let Some(username) = claimed else { return denial };
        match self.repository.load::<Account>(Account::stream(&username)).await {
            Ok(Some(account)) => {
                Denial { tenant: account.tenant, object: Some(Account::object(&username)), ..denial }
            }
            Ok(None) => denial,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a refusal names no account");
                denial
            }
        }
    }

    /// Whom they were refused to is not known any more.
    fn count_missed(&mut self) {
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            self.ledger.omit(TenantId::first(), missed, self.clock.now());
        }
    }

    async fn record(&mut self, noted: Vec<Noted>) {
        for noted in noted {
            let (tenant, times) = (noted.tenant.clone(), noted.times());
            let appended = tokio::time::timeout(MAX_WAIT, self.append(noted)).await;
            let failure = match appended {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(late) => Some(late.into()),
            };
            if let Some(error) = &failure {
                self.ledger.omit(tenant, times, self.clock.now());
                if !self.is_failing {
                    tracing::error!(error = &**error, "refusals cannot be recorded; they are counted");
                }
            }
            self.is_failing = failure.is_some();
        }
    }

    async fn append(&self, noted: Noted) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let id = audit::stream_of(&noted.tenant);
        let stream = LogStream { id, kind: audit::KIND, tenant: noted.tenant };
        let provenance = Provenance {
            http_request_id: noted.http_request_id,
            address: noted.address,
            ..Provenance::of(noted.actor, CommandId(Uuid::now_v7()))
        };
        let events = vec![noted.event.to_encoded()?];
        self.repository.note(stream, events.into(), provenance).await?;
        Ok(())
    }
}
