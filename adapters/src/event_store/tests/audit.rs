//! The log as who audits reads it: of one team, the newest first, and never all of it at once.

use runner_core::ids::{CommandId, TenantId};
use runner_core::log::{Aggregate, AggregateEvent as _, Append, LogStream, Provenance, encode_state};
use runner_core::people::account::Account;
use runner_core::people::account::event::{AccountEvent, Via};
use runner_core::people::account::username::Username;
use runner_core::people::audit::ledger::{Denial, Ledger};
use runner_core::people::audit::{self, AuditFilter, AuditPage, MAX_SCANNED, Outcome, Scope};
use runner_core::people::principal::Role;
use runner_core::ports::{AuditLog, EventLog};
use runner_core::session::event::{LifecycleEvent, SessionEvent};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::samples::{Folder, append, completed, opened, opening, prompted, put, session, started};
use crate::event_store::EventStore;
use crate::event_store::sqlite::audit::plan_of;

#[tokio::test]
async fn what_people_did_and_were_refused_is_listed_and_nothing_else() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store, 1, "default").await;
    store.append(refusal("default", "ada", "session:x")).await.unwrap();

    let page = store.read_audit(filter()).await.unwrap();

    assert_eq!(told(&page), ["access_denied", "prompt_submitted", "session_opened"]);
    assert_eq!(page.next, None);
    let denied = &page.entries[0];
    assert_eq!((denied.kind.as_str(), denied.version, denied.outcome), ("audit", 1, Outcome::Denied));
    assert_eq!(
        (denied.actor.as_str(), denied.address.as_deref(), denied.http_request_id.as_deref()),
        ("user:ada", Some("192.0.2.7"), Some("r1"))
    );
    assert_eq!(denied.object.as_deref(), Some("session:x"));
    assert_eq!(page.entries[2].object, Some(format!("session:{}", session(1))));
    store.close().await;
}

#[tokio::test]
async fn everything_is_listed_on_demand() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store, 1, "default").await;

    let page = store.read_audit(AuditFilter { scope: Scope::Everything, ..filter() }).await.unwrap();

    assert_eq!(told(&page), ["turn_completed", "turn_started", "prompt_submitted", "session_opened"]);
    assert_eq!(page.entries[3].outcome, Outcome::Succeeded);
    store.close().await;
}

#[tokio::test]
async fn nothing_of_another_tenant_is_ever_listed() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store, 1, "default").await;
    worked(&store, 2, "other").await;
    store.append(refusal("other", "eve", &format!("session:{}", session(1)))).await.unwrap();
    let own = format!("session:{}", session(1));

    for scope in [Scope::People, Scope::Everything] {
        for object in [None, Some(own.clone()), Some(format!("session:{}", session(2)))] {
            let page = store.read_audit(AuditFilter { scope, object, ..filter() }).await.unwrap();
            assert!(page.entries.iter().all(|entry| entry.stream == session(1).into()), "{page:?}");
        }
    }
    let of_other = AuditFilter { tenant: TenantId("other".into()), object: Some(own), ..filter() };
    assert_eq!(told(&store.read_audit(of_other).await.unwrap()), ["access_denied"]);
    store.close().await;
}

#[tokio::test]
async fn every_filter_restricts() {
    let folder = Folder::new();
    let store = folder.open().await;
    worked(&store, 1, "default").await;
    worked(&store, 2, "default").await;
    store.append(refusal("default", "eve", &format!("session:{}", session(1)))).await.unwrap();
    let times = AuditFilter { scope: Scope::Everything, ..filter() };
    let times = store.read_audit(times).await.unwrap();
    let second_prompt = times.entries.iter().find(|entry| entry.type_name == "prompt_submitted").unwrap();
    let at = second_prompt.recorded_at;
    let micros = |plus| Some(Timestamp::from_micros(at.as_micros() + plus));

    let only = [
        (AuditFilter { actor: Some("user:eve".into()), ..filter() }, vec!["access_denied"]),
        (AuditFilter { actor: Some("user:ev".into()), ..filter() }, vec![]),
        (AuditFilter { kind: Some("audit".into()), ..filter() }, vec!["access_denied"]),
        (AuditFilter { outcome: Some(Outcome::Denied), ..filter() }, vec!["access_denied"]),
        (
            AuditFilter { outcome: Some(Outcome::Denied), scope: Scope::Everything, ..filter() },
            vec!["access_denied"],
        ),
        (AuditFilter { outcome: Some(Outcome::Failed), ..filter() }, vec![]),
        (
            AuditFilter { types: vec!["turn_started".into()], scope: Scope::Everything, ..filter() },
            vec!["turn_started", "turn_started"],
        ),
        (
            AuditFilter { object: Some(format!("session:{}", session(1))), ..filter() },
            vec!["access_denied", "prompt_submitted", "session_opened"],
        ),
        (AuditFilter { object: Some(format!("lamp:{}", session(1))), ..filter() }, vec![]),
        (AuditFilter { from: micros(0), to: micros(1), ..filter() }, vec!["prompt_submitted"]),
        (AuditFilter { from: micros(1), ..filter() }, vec!["access_denied"]),
        (
            AuditFilter { to: micros(0), ..filter() },
            vec!["session_opened", "prompt_submitted", "session_opened"],
        ),
    ];

    for (asked, expected) in only {
        assert_eq!(told(&store.read_audit(asked.clone()).await.unwrap()), expected, "{asked:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_a_token_did_is_its_owners_too() {
    let folder = Folder::new();
    let store = folder.open().await;
    for name in ["ada", "ada/token:1", "ada/token:2", "ada0", "ada.b"] {
        store.append(refusal("default", name, "session:x")).await.unwrap();
    }

    for (actor, expected) in [
        ("user:ada", &["user:ada/token:2", "user:ada/token:1", "user:ada"][..]),
        ("user:ada/token:1", &["user:ada/token:1"]),
    ] {
        let page = store.read_audit(AuditFilter { actor: Some(actor.into()), ..filter() }).await.unwrap();
        let actors: Vec<_> = page.entries.iter().map(|entry| entry.actor.as_str()).collect();
        assert_eq!(actors, expected, "{actor}");
    }
    store.close().await;
}

#[tokio::test]
async fn account_is_found_by_its_owners_name_and_by_its_id() {
    let folder = Folder::new();
    let store = folder.open().await;
    for name in ["ada", "bob"] {
        store.append(registration(name)).await.unwrap();
        store.append(refusal("default", "eve", &format!("account:{name}"))).await.unwrap();
    }
    let ada = Account::stream(&Username::try_from("ada".to_owned()).unwrap());

    for object in ["account:ada".to_owned(), "account:ADA".to_owned(), format!("account:{ada}")] {
        let page = store.read_audit(AuditFilter { object: Some(object), ..filter() }).await.unwrap();

        assert_eq!(told(&page), ["access_denied", "user_registered"]);
        assert!(page.entries.iter().all(|entry| entry.object.as_deref() == Some("account:ada")), "{page:?}");
    }
    let of_bob =
        store.read_audit(AuditFilter { object: Some("account:bob".into()), ..filter() }).await.unwrap();
    assert_eq!(of_bob.entries.len(), 2);
    store.close().await;
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let folder = Folder::new();
    let store = folder.open().await;
    for number in 1..=7 {
        worked(&store, number, "default").await;
        store.append(refusal("default", "ada", &format!("session:{}", session(1)))).await.unwrap();
    }
    let about_one = Some(format!("session:{}", session(1)));

    for (asked, expected) in [
        (filter(), 21),
        (AuditFilter { scope: Scope::Everything, ..filter() }, 35),
        (AuditFilter { object: about_one, ..filter() }, 9),
    ] {
        let mut positions = vec![];
        let mut before = None;
        loop {
            let page = store.read_audit(AuditFilter { limit: 4, before, ..asked.clone() }).await.unwrap();
            positions.extend(page.entries.iter().map(|entry| entry.position));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(positions.len(), expected, "{asked:?}");
        assert!(positions.is_sorted_by(|a, b| a > b), "{positions:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_part_of_the_log() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.append(refusal("default", "eve", "session:x")).await.unwrap();
    put(&store, session(1), vec![opened(session(1))]).await;
    let renamed =
        |_| SessionEvent::Lifecycle(LifecycleEvent::Renamed { title: "x".into(), by: "ada".into() });
    for part in 0..3 {
        let version = 1 + u64::from(part * MAX_SCANNED / 2);
        let events = (0..MAX_SCANNED / 2).map(renamed).collect();
        store.append(append(session(1), version, events)).await.unwrap();
    }

    for scope in [Scope::People, Scope::Everything] {
        let asked = AuditFilter { actor: Some("user:eve".into()), scope, ..filter() };
        let first = store.read_audit(asked.clone()).await.unwrap();
        assert_eq!((told(&first), first.next.is_some()), (vec![], true));
        let second = store.read_audit(AuditFilter { before: first.next, ..asked }).await.unwrap();
        assert_eq!((told(&second), second.next), (vec!["access_denied"], None));
    }
    store.close().await;
}

#[tokio::test]
async fn pages_are_found_by_indexes() {
    let folder = Folder::new();
    let store = folder.open().await;
    let about = AuditFilter { object: Some(format!("session:{}", session(1))), ..filter() };

    let people = of_the_log(&plan_of(&store, &filter()).await);
    let about = of_the_log(&plan_of(&store, &about).await);
    let everything = AuditFilter { scope: Scope::Everything, ..filter() };
    let everything = of_the_log(&plan_of(&store, &everything).await);

    assert_eq!(
        people,
        "SEARCH events USING INDEX events_of_people (tenant=? AND position>? AND position<?)\n"
    );
    assert_eq!(about, "SEARCH events USING INDEX sqlite_autoindex_events_1 (stream=?)\n".repeat(2));
    assert_eq!(everything, "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n");
    store.close().await;
}

/// How the page itself is found; what is shown beside it is looked up for its rows only.
fn of_the_log(plan: &str) -> String {
    plan.lines().filter(|line| line.contains(" events ")).map(|line| format!("{line}\n")).collect()
}

fn filter() -> AuditFilter {
    AuditFilter { tenant: TenantId::first(), limit: 100, ..AuditFilter::default() }
}

fn told(page: &AuditPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.type_name.as_str()).collect()
}

/// A session of a team in which a person prompted and an agent worked.
async fn worked(store: &EventStore, number: u128, tenant: &str) {
    let id = session(number);
    let opened =
        runner_core::session::event::SessionOpened { tenant: TenantId(tenant.into()), ..opening(id) };
    let begun = append(id, 0, vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(opened))]);
    let stream = LogStream { tenant: TenantId(tenant.into()), ..begun.stream };
    store.append(Append { stream: stream.clone(), ..begun }).await.unwrap();
    let prompted = append(id, 1, vec![prompted(1, "hello")]);
    store.append(Append { stream: stream.clone(), ..prompted }).await.unwrap();
    let work = append(id, 2, vec![started(1), completed(1, "done", 5)]);
    let provenance = Provenance { actor: "agent".into(), ..work.provenance };
    store.append(Append { stream, provenance, ..work }).await.unwrap();
}

fn registration(name: &str) -> Append {
    let at = Timestamp::from_micros(0);
    let event = AccountEvent::UserRegistered {
        username: name.into(),
        tenant: "default".into(),
        role: Role::Member,
        via: Via::OpenRegistration,
        at,
    };
    let mut account = Account::default();
    account.apply(event.clone());
    let id = Account::stream(&Username::try_from(name.to_owned()).unwrap());
    Append {
        stream: LogStream::of::<Account>(id, TenantId::first()),
        expected_version: Some(0),
        events: vec![event.to_encoded().unwrap()],
        state: Some(encode_state(&account).unwrap()),
        ..refusal("default", name, "")
    }
}

fn refusal(tenant: &str, name: &str, object: &str) -> Append {
    let tenant = TenantId(tenant.into());
    let denial = Denial {
        tenant: tenant.clone(),
        actor: format!("user:{name}"),
        address: Some("192.0.2.7".into()),
        http_request_id: Some("r1".into()),
        operation: "GET /api/sessions/{id}".into(),
        object: Some(object.into()),
        reason: "session_not_found".into(),
    };
    let noted = Ledger::default().note(denial, Timestamp::from_micros(0)).unwrap();
    Append {
        stream: LogStream { id: audit::stream_of(&tenant), kind: audit::KIND, tenant },
        expected_version: None,
        events: vec![noted.event.to_encoded().unwrap()],
        state: None,
        secrets: vec![],
        provenance: Provenance {
            http_request_id: noted.http_request_id,
            address: noted.address,
            ..Provenance::of(noted.actor, CommandId(Uuid::now_v7()))
        },
    }
}
