//! What calls cost, added up: no number that an upstream can say keeps anything from being stored.

use runner_core::ids::TenantId;
use runner_core::money::MicroDollars;
use runner_core::ports::EventLog;
use runner_core::ports::model::SpendRecord;
use runner_core::session::event::{SessionEvent, SpendEvent};
use runner_core::spend::{CallOutcome, ModelCall, Payer, Spent, Usage};
use uuid::Uuid;

use super::samples::{Folder, append, completed, opened, put, read, session};
use crate::event_store::EventStore;

#[tokio::test]
async fn sums_stay_at_the_largest_number_and_nobody_elses_events_are_lost() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1)), called(1), called(2)]).await;

    for round in 0..3 {
        let (hostile, other) = (session(1), session(100 + round));
        let version = 3 + 2 * round as u64;
        let appended = tokio::join!(
            store.append(append(hostile, version, vec![called(1), completed(1, "done", u64::MAX / 3)])),
            store.append(append(other, 0, vec![opened(other)])),
        );

        assert!(appended.0.is_ok() && appended.1.is_ok(), "{appended:?}");
    }

    let payer = Payer::User { tenant: TenantId::first(), owner: "ada".into() };
    let spent = store.spent_in_month("2026-11", &payer).await.unwrap();
    assert_eq!((spent.cost, spent.calls), (MicroDollars(2 * i64::MAX as u64), 5));
    let of_key = store.spent_in_month("2026-11", &Payer::Key(Uuid::from_u128(2))).await.unwrap();
    assert_eq!(of_key, Spent { calls: 1, cost: MicroDollars(i64::MAX as u64) });
    assert_eq!(read(&store, session(1)).await.len(), 9);
    store.close().await;
    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
}

fn called(key: u128) -> SessionEvent {
    let most = u64::MAX;
    let call = ModelCall {
        call_id: None,
        model: "m".into(),
        outcome: CallOutcome::Completed,
        usage: Usage {
            input_tokens: most,
            output_tokens: most,
            cache_read_input_tokens: most,
            cache_creation_input_tokens: most,
        },
        cost_micros: MicroDollars(most),
        cost_is_estimate: false,
        key: Some(Uuid::from_u128(key)),
        status: Some(200),
        duration_ms: 1,
        api_request_id: None,
        subagent: None,
    };
    SessionEvent::Spend(SpendEvent::ModelCalled { turn: None, call })
}
