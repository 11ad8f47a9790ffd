//! Payloads that are too large for the log itself.

use runner_core::ports::EventLog;
use runner_core::session::event::SessionEvent;
use sqlx::Connection;

use super::samples::{Folder, opened, prompted, put, read_events, session};

/// The largest payload that the log itself takes.
const MAX_INLINE: usize = 64 * 1024;

#[tokio::test]
async fn payload_over_the_limit_lies_in_a_blob_and_comes_back_equal() {
    for (bytes, codec, blobs) in [(MAX_INLINE, 0, 0), (MAX_INLINE + 1, 1, 1), (3 * MAX_INLINE, 1, 1)] {
        let folder = Folder::new();
        let store = folder.open().await;
        let large = prompt_of(bytes);

        put(&store, session(1), vec![opened(session(1)), large.clone()]).await;

        assert_eq!(stored(&folder).await, (codec, blobs), "{bytes} bytes");
        assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), large]);
        assert!(store.verify(session(1).into()).await.unwrap().valid);
        store.close().await;
    }
}

#[tokio::test]
async fn same_large_payload_is_kept_once() {
    let folder = Folder::new();
    let store = folder.open().await;
    let large = prompt_of(2 * MAX_INLINE);

    put(&store, session(1), vec![opened(session(1)), large.clone(), large.clone()]).await;
    put(&store, session(2), vec![opened(session(2)), large.clone()]).await;

    assert_eq!(stored(&folder).await, (1, 1));
    assert_eq!(read_events(&store, session(2)).await, [opened(session(2)), large]);
    store.close().await;
}

/// A prompt whose payload has exactly so many bytes, some of them beyond ASCII.
fn prompt_of(bytes: usize) -> SessionEvent {
    let empty = prompted(1, "你好").encode().unwrap().len();
    prompted(1, &format!("你好{}", "x".repeat(bytes - empty)))
}

/// How the last payload is stored, and how many blobs there are.
async fn stored(folder: &Folder) -> (i64, i64) {
    let mut raw = folder.raw().await;
    let stored =
        sqlx::query_as("SELECT codec, (SELECT count(*) FROM blobs) FROM events ORDER BY position DESC")
            .fetch_one(&mut raw)
            .await
            .unwrap();
    raw.close().await.unwrap();
    stored
}
