//! Statistics of a made-up month, against tables that were worked out by hand.

use std::fmt::Write as _;

use runner_core::agent::{FileChange, FileChangeKind};
use runner_core::ids::TenantId;
use runner_core::log::{LogStream, RecordedEvent};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::{EventLog, StatisticsRecord};
use runner_core::request::{DecidedBy, DeciderKind, Decision, RequestKind, Settlement};
use runner_core::session::Session;
use runner_core::session::event::{
    CostBasis, Decided, FailureCause, FilesEvent, InterruptCause, LifecycleEvent, Parent, RequestEvent,
    SessionEvent, SessionOpened, SpendEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent, TurnOutcome,
};
use runner_core::spend::{CallOutcome, ModelCall, ModelUse, Spend, Usage};
use runner_core::statistics::{Grouping, MeasuresView, Spread, StatisticsFilter, StatisticsView};
use runner_core::time::{Day, Timestamp};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::samples::{
    Folder, append, everybody, opening, prompted, reach, read, requested, session, started, turn,
};
use crate::event_store::EventStore;

const NOVEMBER: &str = "\
= 3/1/1/1 ?1 20000<300000 475000 | 19800~ 4/1/0 3780/378/7/3 | 3/1/1 | 2/1/0/1 60000<60000 60000 | 2/3 +6-3";

const DAYS: &str = "
2026-11-02 1/0/0/0 ?0 100000<100000 100000 | 12000 2/0/0 3000/300/0/0 | 2/0/0 | 1/1/0/0 60000<60000 60000 | 1/1 +3-1
2026-11-03 0/1/0/1 ?0 20000<300000 320000 | 7500 2/1/0 750/75/7/3 | 1/1/1 | 1/0/0/1 none | 0/0 +0-0
2026-11-30 2/0/1/0 ?1 10000<40000 55000 | 300~ 0/0/0 30/3/0/0 | 0/0/0 | 0/0/0/0 none | 1/2 +3-2";

const MODELS: &str = "
opus 1/0/0/1 ?0 100000<300000 400000 | 12500 3/0/0 3050/305/0/0
sonnet 0/1/1/0 ?0 5000<20000 25000 | 7000 0/0/0 700/70/7/3
opus-old 0/0/0/0 ?0 none | 300~ 0/0/0 30/3/0/0
none 2/0/0/0 ?1 10000<40000 50000 | 0 0/0/0 0/0/0/0
haiku 0/0/0/0 ?0 none | 0 1/1/0 0/0/0/0";

const ADA: &str = "1/0/0/1 ?0 100000<300000 400000 | 12500 4/1/0 3050/305/0/0 | 3/1/1 | \
2/1/0/1 60000<60000 60000 | 1/1 +3-1";

const GRACE: &str = "2/1/1/0 ?1 10000<40000 75000 | 7300~ 0/0/0 730/73/7/3 | 0/0/0 | 0/0/0/0 none | 1/2 +3-2";

const TOOLS: &str = "
Bash 2/1/0 | 2/1/0/1 60000<60000 60000
Edit 1/0/0 | 0/0/0/0 none
WebFetch 0/0/1 | 0/0/0/0 none";

const KEYS: &str = "
00000000-0000-0000-0000-000000000001 12000 2/0/0 3000/300/0/0
none 7300~ 1/1/0 730/73/7/3
00000000-0000-0000-0000-000000000002 500 1/0/0 50/5/0/0";

#[tokio::test]
async fn statistics_of_a_month_are_the_table_worked_out_by_hand() {
    let (_folder, store) = filled().await;

    assert_told(&store).await;

    store.close().await;
}

#[tokio::test]
async fn rebuild_and_upgrade_give_the_same_statistics() {
    let (folder, store) = filled().await;
    store.close().await;

    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
    // What an earlier version of the program leaves behind, which knew nothing of statistics.
    let mut raw = folder.raw().await;
    let outdated =
        "DELETE FROM stats_by_day; DELETE FROM stats_times_by_day; UPDATE read_models SET version = 0";
    sqlx::raw_sql(outdated).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let store = folder.open().await;
    assert_told(&store).await;
    store.close().await;
    let upgraded = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_eq!(upgraded.digest_before, rebuilt.digest_after);
}

#[tokio::test]
async fn everybody_sees_their_own_and_no_other_team() {
    let (_folder, store) = filled().await;

    let own = told(&store, reach("ada"), Grouping::User).await;
    let strange = told(&store, reach("eve"), Grouping::User).await;
    let of_others = Reach { tenant: TenantId("others".into()), owner: None };
    let others = told(&store, of_others, Grouping::User).await;

    assert_eq!(own, format!("= {ADA}\nada {ADA}"));
    let nothing = "= 0/0/0/0 ?0 none | 0 0/0/0 0/0/0/0 | 0/0/0 | 0/0/0/0 none | 0/0 +0-0";
    assert_eq!(strange, nothing);
    let of_eve = "0/0/0/0 ?0 none | 5 1/0/0 1/1/0/0 | 0/0/0 | 0/0/0/0 none | 0/0 +0-0";
    assert_eq!(others, format!("= {of_eve}\neve {of_eve}"));
    store.close().await;
}

async fn assert_told(store: &EventStore) {
    let people = format!("\nada {ADA}\ngrace {GRACE}");
    let folders = format!("\n/srv/a {ADA}\n/srv/b {GRACE}");
    for (grouping, groups) in [
        (Grouping::Day, DAYS),
        (Grouping::Model, MODELS),
        (Grouping::User, &people),
        (Grouping::Tool, TOOLS),
        (Grouping::WorkingDir, &folders),
        (Grouping::Key, KEYS),
    ] {
        assert_eq!(told(store, everybody(), grouping).await, format!("{NOVEMBER}{groups}"), "{grouping:?}");
    }
}

/// November, a line for all of it and one for each group.
async fn told(store: &EventStore, reach: Reach, grouping: Grouping) -> String {
    let day = |text: &str| serde_json::from_value::<Day>(text.into()).unwrap();
    let filter = StatisticsFilter { reach, from: day("2026-11-01"), to: day("2026-11-30"), grouping };
    let view = StatisticsView::new(&filter, store.read_statistics(&filter).await.unwrap());
    let mut text = format!("= {}", line(&view.totals));
    for group in view.groups {
        let name = group.group.unwrap_or("none".to_owned());
        write!(text, "\n{name} {}", line(&group.measures)).unwrap();
    }
    text
}

fn line(measures: &MeasuresView) -> String {
    let MeasuresView { turns, spend, tools, requests, files } = measures;
    let turns = turns.as_ref().map(|turns| {
        let (succeeded, unsuccessful) = (turns.succeeded, turns.unsuccessful);
        let (failed, interrupted, unpriced) = (turns.failed, turns.interrupted, turns.unpriced);
        let duration = spread(turns.duration_ms);
        format!("{succeeded}/{unsuccessful}/{failed}/{interrupted} ?{unpriced} {duration}")
    });
    let spend = spend.as_ref().map(|spend| {
        let (usage, calls) = (spend.usage, &spend.calls);
        let (input, output) = (usage.input_tokens, usage.output_tokens);
        let (read, created) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
        let estimate = if spend.cost_is_estimate { "~" } else { "" };
        let calls = format!("{}/{}/{}", calls.total, calls.failed, calls.cut_off);
        format!("{}{estimate} {calls} {input}/{output}/{read}/{created}", spend.cost_usd.0)
    });
    let tools = tools.as_ref().map(|tools| format!("{}/{}/{}", tools.calls, tools.errors, tools.refused));
    let requests = requests.as_ref().map(|requests| {
        let (asked, allowed) = (requests.asked, requests.allowed);
        let (denied, withdrawn) = (requests.denied, requests.withdrawn);
        format!("{asked}/{allowed}/{denied}/{withdrawn} {}", spread(requests.wait_ms))
    });
    let files = files.as_ref().map(|files| {
        format!("{}/{} +{}-{}", files.changed, files.changes, files.lines_added, files.lines_removed)
    });
    [turns, spend, tools, requests, files].into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or("none".to_owned(), |Spread { median, p95, total }| format!("{median}<{p95} {total}"))
}

/// A month of two people, one of whom uses a login; a day before it and a team beside it.
async fn filled() -> (Folder, EventStore) {
    let folder = Folder::new();
    let store = folder.open().await;
    let ada = [vec![("10-31T08:00:00", opened(1, "ada", Some("opus")))], days_of_ada()].concat();
    put(&store, 1, ada).await;
    put(&store, 2, days_of_grace()).await;
    put(&store, 3, import_of_grace()).await;
    // A fork tells all of it once more.
    let original = read(&store, session(1)).await;
    let mut fork = opening_of(4, "ada", Some("opus"));
    fork.parent = Some(Parent { session: session(1), version: original.len() as u64 });
    let copied =
        original.iter().skip(1).map(|event| ("11-04T08:00:00", RecordedEvent::decode(event).unwrap()));
    let copy = [("11-04T08:00:00", SessionEvent::Lifecycle(LifecycleEvent::Opened(fork)))].into_iter();
    put(&store, 4, copy.chain(copied).collect()).await;
    let mut of_eve = opening_of(5, "eve", None);
    of_eve.tenant = TenantId("others".into());
    let of_eve = SessionEvent::Lifecycle(LifecycleEvent::Opened(of_eve));
    put(&store, 5, vec![("11-02T08:00:00", of_eve), ("11-02T08:00:01", called(("m", None), (1, 1), 5))])
        .await;
    (folder, store)
}

fn days_of_ada() -> Vec<(&'static str, SessionEvent)> {
    let first = Some(1);
    vec![
        ("11-02T09:00:00", prompted(1, "one")),
        ("11-02T09:00:00", started(1)),
        ("11-02T09:00:02", called(("opus", first), (1000, 100), 4000)),
        ("11-02T09:00:05", used(1, "t1", "Bash")),
        ("11-02T09:00:10", requested("r1")),
        ("11-02T09:01:10", allowed("r1")),
        ("11-02T09:01:11", returned(1, "t1", false)),
        ("11-02T09:01:12", used(1, "t2", "Edit")),
        ("11-02T09:01:12", changed(1, "a.txt", (3, 1))),
        ("11-02T09:01:12", returned(1, "t2", false)),
        ("11-02T09:01:20", called(("opus", first), (2000, 200), 8000)),
        // What the calls have cost already.
        ("11-02T09:02:00", completed(1, TurnOutcome::Success, account(100_000, ("opus", 12_000)))),
        ("11-03T10:00:00", prompted(2, "two")),
        ("11-03T10:00:00", started(2)),
        ("11-03T10:00:01", used(2, "t3", "Bash")),
        ("11-03T10:00:02", returned(2, "t3", true)),
        ("11-03T10:00:03", refused_by_api()),
        ("11-03T10:00:04", not_permitted(2, "WebFetch")),
        ("11-03T10:00:05", requested("r2")),
        ("11-03T10:05:00", interrupted(2)),
        // A subagent goes on after the turn.
        ("11-03T11:00:00", called(("opus", Some(2)), (50, 5), 500)),
        ("12-01T00:00:00", called(("opus", first), (9, 9), 999)),
    ]
}

fn days_of_grace() -> Vec<(&'static str, SessionEvent)> {
    let mut first = account(20_000, ("sonnet", 7_000));
    first.spend.models.entry("sonnet".to_owned()).or_default().usage = Usage {
        input_tokens: 700,
        output_tokens: 70,
        cache_read_input_tokens: 7,
        cache_creation_input_tokens: 3,
    };
    vec![
        ("11-01T08:00:00", opened(2, "grace", Some("sonnet"))),
        ("11-03T12:00:00", prompted(1, "one")),
        ("11-03T12:00:00", started(1)),
        ("11-03T12:00:20", completed(1, TurnOutcome::MaxTurns, first)),
        ("11-30T23:59:00", prompted(2, "two")),
        ("11-30T23:59:00", started(2)),
        ("11-30T23:59:01", changed(2, "b.txt", (1, 0))),
        ("11-30T23:59:02", changed(2, "b.txt", (2, 2))),
        ("11-30T23:59:05", failed(2, TurnAccount { duration_ms: 5_000, ..TurnAccount::default() })),
    ]
}

fn import_of_grace() -> Vec<(&'static str, SessionEvent)> {
    let (duration_ms, cost_basis) = (40_000, CostBasis::Unknown);
    let unknown = TurnAccount { duration_ms, cost_basis, ..TurnAccount::default() };
    let mut priced = TurnAccount { cost_basis: CostBasis::PriceList, ..account(10_000, ("opus-old", 300)) };
    priced.spend.models.entry("opus-old".to_owned()).or_default().usage =
        Usage { input_tokens: 30, output_tokens: 3, ..Usage::default() };
    vec![
        ("11-30T01:00:00", opened(3, "grace", None)),
        ("11-30T01:00:00", prompted(1, "one")),
        ("11-30T01:00:00", started(1)),
        ("11-30T01:00:40", completed(1, TurnOutcome::Success, unknown)),
        ("11-30T02:00:00", prompted(2, "two")),
        ("11-30T02:00:00", started(2)),
        ("11-30T02:00:10", completed(2, TurnOutcome::Success, priced)),
    ]
}

/// Each event an append of its own, as it comes while an agent works.
async fn put(store: &EventStore, number: u128, events: Vec<(&str, SessionEvent)>) {
    let SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened { tenant, .. })) = events[0].1.clone()
    else {
        panic!("a session begins with its opening");
    };
    for (version, (at, event)) in (0..).zip(events) {
        let mut append = append(session(number), version, vec![event]);
        append.stream = LogStream::of::<Session>(session(number), tenant.clone());
        let at: Timestamp = serde_json::from_value(format!("2026-{at}Z").into()).unwrap();
        append.events = append.events.into_iter().map(|event| event.happened(at)).collect();
        store.append(append).await.unwrap();
    }
}

fn opening_of(number: u128, owner: &str, model: Option<&str>) -> SessionOpened {
    let working_dir = if owner == "ada" { "/srv/a" } else { "/srv/b" };
    let mut opened = opening(session(number));
    (opened.owner, opened.working_dir) = (owner.to_owned(), working_dir.to_owned());
    opened.options.model = model.map(str::to_owned);
    opened
}

fn opened(number: u128, owner: &str, model: Option<&str>) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(opening_of(number, owner, model)))
}

fn account(duration_ms: u64, (model, micros): (&str, u64)) -> TurnAccount {
    let cost_micros = MicroDollars(micros);
    let used = ModelUse { cost_micros, ..ModelUse::default() };
    let spend = Spend { cost_micros, models: [(model.to_owned(), used)].into() };
    TurnAccount { spend, duration_ms, ..TurnAccount::default() }
}

fn completed(number: u128, outcome: TurnOutcome, account: TurnAccount) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn: turn(number),
        outcome,
        result: "done".into(),
        stop_reason: None,
        structured_output: None,
        agent_turns: 1,
        denials: vec![],
        account,
    }))
}

fn failed(number: u128, account: TurnAccount) -> SessionEvent {
    let (cause, detail) = (FailureCause::AgentFailed, "x".to_owned());
    SessionEvent::Turn(TurnEvent::Failed { turn: turn(number), cause, detail, status: None, account })
}

fn interrupted(number: u128) -> SessionEvent {
    let (turn, account) = (turn(number), TurnAccount::default());
    SessionEvent::Turn(TurnEvent::Interrupted { turn, cause: InterruptCause::User, account })
}

fn called((model, key): (&str, Option<u128>), (input, output): (u64, u64), micros: u64) -> SessionEvent {
    let call = ModelCall {
        call_id: None,
        model: model.into(),
        outcome: CallOutcome::Completed,
        usage: Usage { input_tokens: input, output_tokens: output, ..Usage::default() },
        cost_micros: MicroDollars(micros),
        cost_is_estimate: false,
        key: key.map(Uuid::from_u128),
        status: Some(200),
        duration_ms: 1,
        api_request_id: None,
        subagent: None,
    };
    SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call })
}

fn refused_by_api() -> SessionEvent {
    let SessionEvent::Spend(SpendEvent::ModelCalled { turn, call }) = called(("haiku", None), (0, 0), 0)
    else {
        unreachable!("it is a call");
    };
    let call = ModelCall { outcome: CallOutcome::Failed, status: Some(529), ..call };
    SessionEvent::Spend(SpendEvent::ModelCalled { turn, call })
}

fn used(number: u128, tool_use_id: &str, name: &str) -> SessionEvent {
    let (turn, tool_use_id, name) = (turn(number), tool_use_id.into(), name.into());
    let input = json!({ "command": "x" });
    SessionEvent::Tool(ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id: None })
}

fn returned(number: u128, tool_use_id: &str, is_error: bool) -> SessionEvent {
    let (turn, tool_use_id, content) = (turn(number), tool_use_id.into(), json!("x"));
    SessionEvent::Tool(ToolEvent::Returned {
        turn,
        tool_use_id,
        is_error,
        content,
        structured: None,
        decided_by: None,
    })
}

fn not_permitted(number: u128, tool: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::PolicyApplied {
        turn: turn(number),
        tool_use_id: "t4".into(),
        tool_name: tool.into(),
        decision: Decision::Deny,
        decided_by: DecidedBy { kind: DeciderKind::Mode, id: None, name: None },
        message: String::new(),
    })
}

fn changed(number: u128, path: &str, (added, removed): (u32, u32)) -> SessionEvent {
    let (path, patch, tool_use_id) = (path.into(), String::new(), "t2".into());
    let change = FileChange { path, kind: FileChangeKind::Modified, added, removed, patch, tool_use_id };
    SessionEvent::Files(FilesEvent::Changed { turn: turn(number), change })
}

fn allowed(request_id: &str) -> SessionEvent {
    let settlement = Settlement {
        request_id: request_id.into(),
        decision: Decision::Allow,
        decided_by: DecidedBy { kind: DeciderKind::User, id: None, name: None },
        message: None,
        updated_input: None,
        answers: None,
        remember: false,
        interrupt: false,
    };
    let (kind, turn) = (RequestKind::Permission, turn(1));
    SessionEvent::Request(RequestEvent::Decided(Decided { kind, turn, settlement }))
}
