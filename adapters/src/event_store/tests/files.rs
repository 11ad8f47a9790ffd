//! The agent's own files beside the log.

use runner_core::ids::SessionId;
use runner_core::ports::{AgentFile, AgentFiles, AppendError};
use sqlx::Connection;

use super::samples::{Folder, session};

#[tokio::test]
async fn files_come_back_as_they_were_saved() {
    let folder = Folder::new();
    let store = folder.open().await;
    let files =
        [file("a/transcript.jsonl", b"first\n"), file("b/binary", &[0, 159, 146, 150]), file("c/empty", b"")];

    store.save(session(1), &files).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), files);
    store.close().await;
}

#[tokio::test]
async fn session_without_files_has_none() {
    let folder = Folder::new();
    let store = folder.open().await;

    assert_eq!(store.load(session(1)).await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn file_that_only_grew_gets_one_piece_more() {
    let folder = Folder::new();
    let store = folder.open().await;

    for text in ["one\n", "one\ntwo\n", "one\ntwo\n", "one\ntwo\nthree\n"] {
        store.save(session(1), &[file("t", text.as_bytes())]).await.unwrap();
        assert_eq!(store.load(session(1)).await.unwrap(), [file("t", text.as_bytes())]);
    }

    store.close().await;
    assert_eq!(pieces(&folder, session(1)).await, [(0, 4), (4, 4), (8, 6)]);
}

#[tokio::test]
async fn file_that_was_written_anew_replaces_what_was_stored() {
    for anew in ["one\nTWO\n", "one\n", "", "something much longer than before\n"] {
        let folder = Folder::new();
        let store = folder.open().await;
        store.save(session(1), &[file("t", b"one\n")]).await.unwrap();
        store.save(session(1), &[file("t", b"one\ntwo\n")]).await.unwrap();

        store.save(session(1), &[file("t", anew.as_bytes())]).await.unwrap();

        assert_eq!(store.load(session(1)).await.unwrap(), [file("t", anew.as_bytes())]);
        store.close().await;
        assert_eq!(pieces(&folder, session(1)).await.len(), 1, "{anew:?}");
    }
}

#[tokio::test]
async fn empty_file_grows_like_any_other() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.save(session(1), &[file("t", b"")]).await.unwrap();
    store.save(session(1), &[file("t", b"")]).await.unwrap();

    store.save(session(1), &[file("t", b"one\n")]).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), [file("t", b"one\n")]);
    store.close().await;
}

#[tokio::test]
async fn files_of_other_sessions_are_not_touched() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.save(session(1), &[file("t", b"mine\n")]).await.unwrap();

    store.save(session(2), &[file("t", b"yours\n")]).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), [file("t", b"mine\n")]);
    assert_eq!(store.load(session(2)).await.unwrap(), [file("t", b"yours\n")]);
    store.close().await;
}

#[tokio::test]
async fn file_that_is_not_there_any_more_stays_stored() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.save(session(1), &[file("a", b"a"), file("b", b"b")]).await.unwrap();

    store.save(session(1), &[file("b", b"bb")]).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), [file("a", b"a"), file("b", b"bb")]);
    store.close().await;
}

#[tokio::test]
async fn files_outlive_the_server() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.save(session(1), &[file("t", b"one\n")]).await.unwrap();
    store.close().await;

    let store = folder.open().await;
    store.save(session(1), &[file("t", b"one\ntwo\n")]).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), [file("t", b"one\ntwo\n")]);
    store.close().await;
}

#[tokio::test]
async fn files_are_stored_compressed() {
    let folder = Folder::new();
    let store = folder.open().await;
    let large = "the same words again and again\n".repeat(10_000);

    store.save(session(1), &[file("t", large.as_bytes())]).await.unwrap();

    assert_eq!(store.load(session(1)).await.unwrap(), [file("t", large.as_bytes())]);
    store.close().await;
    let mut raw = folder.raw().await;
    let stored: i64 =
        sqlx::query_scalar("SELECT sum(length(bytes)) FROM agent_files").fetch_one(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    assert!(stored < 10_000, "{stored} bytes");
}

#[tokio::test]
async fn files_are_saved_again_after_they_could_not_be_saved() {
    let folder = Folder::new();
    let store = folder.open().await;
    rename(&folder, "agent_files", "elsewhere").await;
    let failed = store.save(session(1), &[file("t", b"one\n")]).await;
    rename(&folder, "elsewhere", "agent_files").await;

    store.save(session(1), &[file("t", b"one\n")]).await.unwrap();

    assert!(matches!(failed, Err(AppendError::Unavailable(_))), "{failed:?}");
    assert_eq!(store.load(session(1)).await.unwrap(), [file("t", b"one\n")]);
    store.close().await;
}

fn file(path: &str, bytes: &[u8]) -> AgentFile {
    AgentFile { path: path.into(), bytes: bytes.into() }
}

/// Where each stored piece of a session's files begins, and how long it is.
async fn pieces(folder: &Folder, session: SessionId) -> Vec<(i64, i64)> {
    let mut raw = folder.raw().await;
    let pieces =
        sqlx::query_as("SELECT start, length FROM agent_files WHERE session = $1 ORDER BY path, start")
            .bind(session.0)
            .fetch_all(&mut raw)
            .await
            .unwrap();
    raw.close().await.unwrap();
    pieces
}

async fn rename(folder: &Folder, from: &str, to: &str) {
    let mut raw = folder.raw().await;
    let rename = format!("ALTER TABLE {from} RENAME TO {to}");
    sqlx::query(sqlx::AssertSqlSafe(rename)).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}
