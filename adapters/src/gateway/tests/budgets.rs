//! When nothing is left of a budget, the next call is not made.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::Response;
use runner_core::agent::AgentOutput;
use runner_core::money::MicroDollars;
use runner_core::ports::model::{BudgetError, BudgetLimits, ModelKey, SpendRecord};
use runner_core::ports::{Clock, ReadError};
use runner_core::session::revoked::Revoked;
use runner_core::spend::{BudgetKind, BudgetSpent, Payer, Spent, SpentBefore};
use runner_core::time::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use super::upstream::Upstream;
use super::{KEY, admission, client, unlimited};
use crate::gateway::{Admission, Gateway, GatewaySettings, MonthlyBudgets, OperatorKey, Pass};

/// A call that costs 5 micro-dollars for each of a hundred tokens.
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 66\r\nconnection: close\r\n\r\n\
    {\"model\":\"claude-opus-4-8\",\"usage\":{\"input_tokens\":100}}          ";
const COST: u64 = 500;

const NOVEMBER: i64 = 1_795_343_053_000_000;
const MONTH: i64 = 31 * 24 * 3600 * 1_000_000;

#[tokio::test]
async fn turn_and_session_have_budgets_of_their_own_from_process_to_process() {
    for (budget, turn_budget, session_budget) in
        [(BudgetKind::Turn, Some(1200), None), (BudgetKind::Session, None, Some(1200))]
    {
        let set = Set::start((None, session_budget), 0).await;
        let limited = |spent| Admission {
            turn_budget: turn_budget.map(MicroDollars),
            spent: SpentBefore { session: MicroDollars(spent), turn: MicroDollars(spent) },
            ..admission(1)
        };

        let (first, mut told) = set.admit(limited(0));
        let statuses = set.statuses(&first, 4).await;
        let (later, _told) = set.admit(limited(1100));
        let statuses_later = set.statuses(&later, 2).await;

        assert_eq!(statuses, [200, 200, 200, 402], "{budget:?}");
        assert_eq!(statuses_later, [200, 402], "{budget:?}");
        assert_eq!(set.upstream.asked().len(), 4);
        assert_eq!(
            spent_of(&mut told),
            BudgetSpent {
                budget,
                spent_micros: MicroDollars(3 * COST),
                limit_micros: MicroDollars(1200),
                resets_at_micros: None,
            }
        );
    }
}

#[tokio::test]
async fn month_is_counted_for_all_processes_of_a_user_and_from_what_is_stored() {
    let set = Set::start((Some(2000), None), 1100).await;
    let (one, mut told) = set.admit(admission(1));
    let (other, _told) = set.admit(admission(2));
    let mut stranger = admission(3);
    stranger.scope.owner = "bob".into();
    let (strangers, _strangers_told) = set.admit(stranger);

    let statuses = [set.statuses(&one, 1).await, set.statuses(&other, 1).await, set.statuses(&one, 1).await];
    let strangers = set.statuses(&strangers, 1).await;
    let refused: Value = set.call(&one).await.json().await.unwrap();
    set.clock.0.store(NOVEMBER + MONTH, Ordering::Relaxed);
    let in_the_next_month = set.statuses(&other, 1).await;

    assert_eq!(
        (statuses.concat(), strangers, in_the_next_month),
        (vec![200, 200, 402], vec![200], vec![200])
    );
    let resets_at = NOVEMBER_ENDS;
    assert_eq!(
        spent_of(&mut told),
        BudgetSpent {
            budget: BudgetKind::Month,
            spent_micros: MicroDollars(1100 + 2 * COST),
            limit_micros: MicroDollars(2000),
            resets_at_micros: Some(resets_at),
        }
    );
    let message = "the budget of its owner for this month is spent: $0.0021 of $0.0020. \
                   It resets at 2026-12-01T00:00:00.000Z.";
    assert_eq!(
        (&refused["error"]["type"], &refused["error"]["message"]),
        (&"billing_error".into(), &message.into())
    );
}

#[tokio::test]
async fn what_a_call_under_way_has_cost_counts_already() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let start = "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\",\
        \"usage\":{\"input_tokens\":100}}}\n\n";
    let upstream = Upstream::playing(move |_| vec![head, start, "…"]).await;
    let set = Set::before(upstream, (Some(COST), None), 0).await;
    let (pass, _told) = set.admit(admission(1));

    let mut under_way = set.call(&pass).await;
    under_way.chunk().await.unwrap();

    assert_eq!(set.statuses(&pass, 1).await, [402]);
}

#[tokio::test]
async fn calls_at_once_do_not_spend_the_same_money() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let start = "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\",\
        \"usage\":{\"input_tokens\":60}}}\n\n";
    let end = "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":8}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    let (whole_head, whole) = ANSWER.split_at(ANSWER.len() - 66);
    for pieces in [vec![head, start, end], vec![whole_head, whole]] {
        for (month, session) in [(Some(2 * COST + 1), None), (None, Some(2 * COST + 1))] {
            let pieces = pieces.clone();
            let set =
                Set::before(Upstream::playing(move |_| pieces.clone()).await, (month, session), 0).await;
            let (pass, mut told) = set.admit(admission(1));

            let mut statuses = join_all((0..12).map(|_| set.status_of_all(&pass))).await;

            statuses.sort_unstable();
            assert_eq!(statuses, [vec![200; 3], vec![402; 9]].concat());
            assert_eq!(set.upstream.asked().len(), 3);
            // Waiting calls are refused as soon as the budget is spent, which is before the end of a stream.
            assert!(spent_of(&mut told).spent_micros > MicroDollars(2 * COST));
        }
    }
}

#[tokio::test]
async fn calls_that_the_rest_is_enough_for_are_made_at_once_and_give_back_what_they_did_not_cost() {
    let set = Set::before(Upstream::playing(|_| vec!["…"]).await, (Some(7_000_000), None), 0).await;
    let (pass, _told) = set.admit(admission(1));
    // Three dollars is what a call of an unknown model may cost.
    let calls: Vec<_> = (0..4).map(|_| Box::pin(set.call(&pass))).collect();

    let mut calls = Box::pin(join_all(calls));
    tokio::select! {
        _ = &mut calls => panic!("nothing is answered"),
        () = set.upstream.until_asked(3) => {}
    }
    // Time for the fourth, if it could go.
    tokio::time::timeout(Duration::from_millis(500), &mut calls).await.ok();
    let under_way = set.upstream.asked().len();
    drop(calls);
    set.upstream.until_left().await;
    tokio::select! {
        _ = set.call(&pass) => panic!("nothing is answered"),
        () = set.upstream.until_asked(4) => {}
    }

    assert_eq!(under_way, 3);
    assert_eq!(set.upstream.asked().len(), 4, "those who left gave their shares back");
}

#[tokio::test]
async fn limit_that_is_set_while_a_call_runs_counts_that_call() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let start = "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\",\
        \"usage\":{\"input_tokens\":100}}}\n\n";
    let set = Set::before(Upstream::playing(move |_| vec![head, start, "…"]).await, (None, None), 0).await;
    let (pass, _told) = set.admit(admission(1));

    let mut under_way = set.call(&pass).await;
    under_way.chunk().await.unwrap();
    set.limits.set(Some(MicroDollars(COST)));

    assert_eq!(set.statuses(&pass, 1).await, [402]);
}

#[tokio::test]
async fn agent_of_a_disabled_user_is_told_so_and_asks_nobody() {
    let set = Set::start((None, None), 0).await;
    let (pass, _told) = set.admit(admission(1));
    let before = set.statuses(&pass, 1).await;

    set.limits.disable();
    let refused = set.call(&pass).await;

    assert_eq!((before, refused.status().as_u16()), (vec![200], 403));
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["message"], "the account of this session's owner is disabled");
    assert_eq!(set.upstream.asked().len(), 1);
}

#[tokio::test]
async fn what_was_written_is_estimated_only_until_it_is_known() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let stream = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\",",
        "\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"",
        "forty bytes of text, which are few tokens",
        "\"}}\n\n",
        "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4}}\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    let upstream = Upstream::playing(move |_| vec![head, stream]).await;
    let set = Set::before(upstream, (Some(COST + 101), None), 0).await;
    let (pass, _told) = set.admit(admission(1));

    set.call(&pass).await.bytes().await.unwrap();

    assert_eq!(set.call(&pass).await.status(), 200, "it has cost one micro-dollar less than there was");
}

#[tokio::test]
async fn counting_tokens_needs_no_budget() {
    let set = Set::start((Some(1), None), 5).await;
    let (pass, _told) = set.admit(admission(1));

    let call = client().post(format!("{}/v1/messages/count_tokens", set.gateway.base_url()));
    let answer = call.header("x-api-key", pass.token()).body("{}").send().await.unwrap();

    assert_eq!(answer.status(), 200);
}

const NOVEMBER_ENDS: i64 = 1_796_083_200_000_000;

struct Set {
    upstream: Upstream,
    gateway: Gateway,
    clock: Arc<Time>,
    limits: Arc<EachUser>,
}

impl Set {
    async fn start(budgets: (Option<u64>, Option<u64>), stored: u64) -> Self {
        Self::before(Upstream::answering(ANSWER).await, budgets, stored).await
    }

    /// A gateway with budgets for a month and for a session; `stored` is ada's spending in the log.
    async fn before(upstream: Upstream, (month, session): (Option<u64>, Option<u64>), stored: u64) -> Self {
        let clock = Arc::new(Time(AtomicI64::new(NOVEMBER)));
        let record = Arc::new(Stored(stored));
        let limits = Arc::new(EachUser(Mutex::new(Some(month.map(MicroDollars)))));
        let gateway = Gateway::start(GatewaySettings {
            budgets: Arc::new(MonthlyBudgets::new(limits.clone(), record, clock.clone())),
            session_budget: session.map(MicroDollars),
            ..unlimited(Arc::new(OperatorKey(ModelKey::new(None, Some(upstream.base_url()), KEY))))
        })
        .await
        .unwrap();
        Self { upstream, gateway, clock, limits }
    }

    fn admit(&self, admission: Admission) -> (Pass, mpsc::Receiver<AgentOutput>) {
        let (told, outputs) = mpsc::channel(16);
        (self.gateway.admit(admission, told).unwrap(), outputs)
    }

    async fn call(&self, pass: &Pass) -> Response {
        let call = client().post(format!("{}/v1/messages", self.gateway.base_url()));
        call.header("x-api-key", pass.token()).body("{}").send().await.unwrap()
    }

    /// When the whole answer is there.
    async fn status_of_all(&self, pass: &Pass) -> u16 {
        let answer = self.call(pass).await;
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        status
    }

    async fn statuses(&self, pass: &Pass, calls: usize) -> Vec<u16> {
        let mut statuses = vec![];
        for _ in 0..calls {
            statuses.push(self.call(pass).await.status().as_u16());
        }
        statuses
    }
}

/// The first budget that was reported.
fn spent_of(told: &mut mpsc::Receiver<AgentOutput>) -> BudgetSpent {
    while let Ok(output) = told.try_recv() {
        if let AgentOutput::BudgetExhausted(spent) = output {
            return spent;
        }
    }
    panic!("no budget was told of");
}

struct Time(AtomicI64);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The spending of ada in November.
struct Stored(u64);

#[async_trait]
impl SpendRecord for Stored {
    async fn spent_in_month(&self, month: &str, payer: &Payer) -> Result<Spent, ReadError> {
        let is_ada = matches!(payer, Payer::User { owner, .. } if owner == "ada");
        let cost = MicroDollars(if is_ada && month == "2026-11" { self.0 } else { 0 });
        Ok(Spent { calls: 1, cost })
    }
}

/// The budget of each user; absent where nobody may spend anything.
struct EachUser(Mutex<Option<Option<MicroDollars>>>);

impl EachUser {
    fn set(&self, limit: Option<MicroDollars>) {
        *self.0.lock().unwrap() = Some(limit);
    }

    fn disable(&self) {
        *self.0.lock().unwrap() = None;
    }
}

#[async_trait]
impl BudgetLimits for EachUser {
    async fn monthly_limit(&self, payer: &Payer) -> Result<Option<MicroDollars>, BudgetError> {
        let limit = (*self.0.lock().unwrap()).ok_or(BudgetError::Revoked(Revoked::OwnerDisabled))?;
        Ok(limit.filter(|_| matches!(payer, Payer::User { .. })))
    }
}
