//! Lists of sessions: what is in them, in which order, page by page.

use futures_util::future::join_all;
use runner_core::ids::{SessionId, TurnId};
use runner_core::ports::{EventLog, SessionDirectory, SessionFilter, SessionSort};
use runner_core::session::event::{LifecycleEvent, PromptEvent, SessionEvent, SessionOpened};
use runner_core::session::index::SessionStatus;
use uuid::Uuid;

use super::samples::{
    Folder, append, completed, everybody, handed_over, opened, opening, prompted, put, reach, said, session,
    started, tagged, whole_session,
};
use crate::event_store::EventStore;

#[tokio::test]
async fn list_holds_the_sessions_of_one_owner_only() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    let opening = SessionOpened { owner: "grace".into(), ..opening(session(2)) };
    put(&store, session(2), vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(opening))]).await;

    let [of_ada, of_grace, of_nobody] =
        ["ada", "grace", "ad"].map(|owner| SessionFilter { reach: reach(owner), ..filter() });

    assert_eq!(listed(&store, of_ada).await, [1]);
    assert_eq!(listed(&store, of_grace).await, [2]);
    assert_eq!(listed(&store, of_nobody).await, []);
    store.close().await;
}

#[tokio::test]
async fn list_is_narrowed_by_folder_and_by_status() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), whole_session(session(1), "over", 1)).await;
    put(&store, session(2), vec![opened(session(2)), prompted(1, "runs"), started(1)]).await;
    let elsewhere = SessionOpened { working_dir: "/srv/deeper".into(), ..opening(session(3)) };
    put(&store, session(3), vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(elsewhere))]).await;

    let in_folder = SessionFilter { working_dir: Some("/srv".into()), ..filter() };
    let idle = SessionFilter { status: Some(SessionStatus::Idle), ..filter() };
    let running = SessionFilter { status: Some(SessionStatus::Running), ..in_folder.clone() };
    let waiting = SessionFilter { status: Some(SessionStatus::Waiting), ..filter() };

    assert_eq!(listed(&store, in_folder).await, [2, 1]);
    assert_eq!(listed(&store, idle).await, [3, 1]);
    assert_eq!(listed(&store, running).await, [2]);
    assert_eq!(listed(&store, waiting).await, []);
    store.close().await;
}

#[tokio::test]
async fn list_is_narrowed_by_owner_by_tag_and_by_the_time_of_the_last_event() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1)), tagged(&["red", "blue"])]).await;
    put(&store, session(2), vec![opened(session(2)), tagged(&["red"]), handed_over("grace")]).await;
    put(&store, session(3), vec![opened(session(3)), tagged(&["red"]), tagged(&["blue"])]).await;
    put(&store, session(1), vec![prompted(1, "runs"), started(1)]).await;
    let everybody = SessionFilter { reach: everybody(), ..filter() };
    let of = |owner: &str| SessionFilter { owner: Some(owner.into()), ..everybody.clone() };
    let with = |tag: &str| SessionFilter { tag: Some(tag.into()), ..everybody.clone() };
    let at = store.find(&everybody.reach, session(3)).await.unwrap().unwrap().head.updated_at;
    let from = SessionFilter { updated: (Some(at), None), ..everybody.clone() };
    let to = SessionFilter { updated: (None, Some(at)), ..everybody.clone() };

    assert_eq!(listed(&store, of("grace")).await, [2]);
    assert_eq!(listed(&store, of("ada")).await, [1, 3]);
    assert_eq!(listed(&store, SessionFilter { owner: Some("grace".into()), ..filter() }).await, []);
    assert_eq!(listed(&store, with("red")).await, [1, 2]);
    assert_eq!(listed(&store, with("blue")).await, [1, 3]);
    assert_eq!(listed(&store, with("re")).await, []);
    for sort in [SessionSort::UpdatedAt, SessionSort::CreatedAt, SessionSort::Cost] {
        let mut later = listed(&store, SessionFilter { sort, ..from.clone() }).await;
        later.sort_unstable();
        assert_eq!(
            (later, listed(&store, SessionFilter { sort, ..to.clone() }).await),
            (vec![1, 3], vec![2])
        );
    }
    store.close().await;
}

#[tokio::test]
async fn list_begins_with_the_newest_or_the_most_expensive() {
    let folder = Folder::new();
    let store = folder.open().await;
    for (number, micros) in [(1, 20), (2, 30), (3, 10)] {
        put(&store, session(number), whole_session(session(number), "x", micros)).await;
    }
    put(&store, session(2), vec![prompted(2, "again")]).await;

    let by = |sort| SessionFilter { sort, ..filter() };

    assert_eq!(listed(&store, filter()).await, [2, 3, 1]);
    assert_eq!(listed(&store, by(SessionSort::UpdatedAt)).await, [2, 3, 1]);
    assert_eq!(listed(&store, by(SessionSort::CreatedAt)).await, [3, 2, 1]);
    assert_eq!(listed(&store, by(SessionSort::Cost)).await, [2, 1, 3]);
    store.close().await;
}

#[tokio::test]
async fn sessions_whose_turn_runs_are_listed_by_their_last_event() {
    let folder = Folder::new();
    let store = folder.open().await;
    for number in 1..=6 {
        let running = vec![opened(session(number)), prompted(1, "runs"), started(1)];
        let events = if number % 2 == 0 { running } else { whole_session(session(number), "over", 1) };
        put(&store, session(number), events).await;
    }
    for number in [4, 2] {
        put(&store, session(number), vec![said(1)]).await;
    }

    for (status, expected) in [
        (None, vec![2, 4, 6, 5, 3, 1]),
        (Some(SessionStatus::Running), vec![2, 4, 6]),
        (Some(SessionStatus::Idle), vec![5, 3, 1]),
    ] {
        for limit in 1..=6 {
            let mut seen = vec![];
            let mut next = SessionFilter { status, limit, ..filter() };
            loop {
                let (sessions, cursor) = store.list(next.clone()).await.unwrap();
                seen.extend(sessions);
                let Some(after) = cursor else { break };
                next = SessionFilter { after: Some(after), ..next };
            }
            assert!(seen.is_sorted_by_key(|session| std::cmp::Reverse(session.head.updated_at)));
            let seen: Vec<_> = seen.iter().map(|session| session.head.id).collect();
            assert_eq!(seen, expected.iter().copied().map(session).collect::<Vec<_>>(), "{status:?} {limit}");
        }
    }
    store.close().await;
}

#[tokio::test]
async fn text_is_found_in_titles_prompts_and_results_and_taken_literally() {
    let folder = Folder::new();
    let store = folder.open().await;
    let titled = SessionOpened { title: Some("Repair of the BUILD".into()), ..opening(session(1)) };
    put(&store, session(1), vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(titled))]).await;
    for (number, prompt, result) in [
        (2, "make it 100% green", "ok"),
        (3, "make it 100 times greener", "see a_b.rs"),
        (4, "请修复登录页面", "see aXb.rs"),
        (5, r"a path like C:\temp", "已经完成"),
    ] {
        let over = completed(1, result, 1);
        put(&store, session(number), vec![opened(session(number)), prompted(1, prompt), started(1), over])
            .await;
    }

    let (turn, message) = (TurnId(Uuid::from_u128(1)), TurnId(Uuid::from_u128(50)));
    let (text, author) = ("By the way".to_owned(), "ada".to_owned());
    let steered =
        SessionEvent::Prompt(PromptEvent::Steered { turn, message, text, attachments: vec![], author });
    put(&store, session(2), vec![steered]).await;

    for (text, found) in [
        ("build", &[1][..]),
        ("make it", &[2, 3]),
        ("100%", &[2]),
        ("%", &[2]),
        ("\"", &[]),
        ("by the way", &[2]),
        ("a_b", &[3]),
        ("_", &[3]),
        (r"C:\t", &[5]),
        (r"\", &[5]),
        ("修复登录", &[4]),
        ("登", &[4]),
        ("完成", &[5]),
        ("修复完成", &[]),
        ("nowhere", &[]),
        ("' OR 1=1 --", &[]),
    ] {
        let filter = SessionFilter { text: Some(text.into()), ..filter() };

        assert_eq!(listed(&store, filter).await, found, "{text}");
    }
    store.close().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let folder = Folder::new();
    let store = folder.open().await;
    // All in a few batches, so that many share their times; and in seven groups of the same cost.
    join_all((1..=50).map(|number| {
        let events = whole_session(session(number), "x", (number % 7) as u64);
        store.append(append(session(number), 0, events))
    }))
    .await;

    for sort in [SessionSort::UpdatedAt, SessionSort::CreatedAt, SessionSort::Cost] {
        let whole = listed(&store, SessionFilter { sort, ..filter() }).await;
        let (pages, sessions) = paged(&store, SessionFilter { sort, limit: 7, ..filter() }).await;

        assert_eq!((pages, sessions.len()), (8, 50));
        assert_eq!(sessions, whole, "{sort:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn last_page_says_that_it_is_the_last_even_if_it_is_full() {
    let folder = Folder::new();
    let store = folder.open().await;
    for number in 1..=4 {
        put(&store, session(number), vec![opened(session(number))]).await;
    }

    let (pages, sessions) = paged(&store, SessionFilter { limit: 2, ..filter() }).await;

    assert_eq!((pages, sessions), (2, vec![4, 3, 2, 1]));
    store.close().await;
}

#[tokio::test]
async fn session_that_moves_to_the_front_does_not_disturb_the_pages_behind() {
    let folder = Folder::new();
    let store = folder.open().await;
    for number in 1..=6 {
        put(&store, session(number), vec![opened(session(number))]).await;
    }
    let first_page = SessionFilter { limit: 3, ..filter() };
    let (_, after) = store.list(first_page.clone()).await.unwrap();
    put(&store, session(5), vec![prompted(1, "x")]).await;

    let second_page = listed(&store, SessionFilter { after, ..first_page }).await;

    assert_eq!(second_page, [3, 2, 1]);
    store.close().await;
}

fn filter() -> SessionFilter {
    SessionFilter { reach: reach("ada"), limit: 1000, ..SessionFilter::default() }
}

async fn listed(store: &EventStore, filter: SessionFilter) -> Vec<u128> {
    let (sessions, _) = store.list(filter).await.unwrap();
    sessions.iter().map(|summary| number(summary.head.id)).collect()
}

/// How many pages there are, and all that is on them.
async fn paged(store: &EventStore, mut filter: SessionFilter) -> (u32, Vec<u128>) {
    let (mut pages, mut all) = (0, Vec::new());
    loop {
        let (sessions, after) = store.list(filter.clone()).await.unwrap();
        pages += 1;
        all.extend(sessions.iter().map(|summary| number(summary.head.id)));
        if after.is_none() {
            return (pages, all);
        }
        filter.after = after;
    }
}

fn number(session: SessionId) -> u128 {
    session.0.as_u128()
}
