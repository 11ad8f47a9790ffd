//! What was stored before events had a kind, a tenant and an address is read, checked and gone on with.

use runner_core::ids::{SessionId, TenantId};
use runner_core::log::Digest;
use runner_core::ports::{EventLog, SessionDirectory};
use runner_core::session::event::SessionEvent;
use sqlx::{AssertSqlSafe, Connection};

use super::samples::{Folder, append, everybody, opened, prompted, session};
use crate::event_store::EventStore;
use crate::event_store::chain::{self, Codec, Header};

#[tokio::test]
async fn session_of_the_first_layout_is_valid_and_goes_on() {
    let folder = stored_in_the_first_layout(&opened(session(1))).await;
    EventStore::rebuild_projections(&folder.database()).await.unwrap();
    let store = folder.open().await;

    store.append(append(session(1), 1, vec![prompted(1, "go on")])).await.unwrap();

    let verification = store.verify(session(1).into()).await.unwrap();
    assert_eq!((verification.valid, verification.events), (true, 2), "{:?}", verification.reason);
    let found = store.find(&everybody(), session(1)).await.unwrap().unwrap();
    assert_eq!((found.tenant, found.head.version), (TenantId::first(), 2));
    store.close().await;
}

#[tokio::test]
async fn sessions_of_both_layouts_have_different_hashes() {
    let header = |codec| header(codec, session(1), "session_opened");

    let first = chain::event_hash(Digest::default(), &header(Codec::FirstJson), Digest::default());
    let now = chain::event_hash(Digest::default(), &header(Codec::Json), Digest::default());

    assert_ne!(first, now);
}

fn header(codec: Codec, session: SessionId, type_name: &'static str) -> Header<'static> {
    Header {
        position: 1,
        codec,
        stream: session.into(),
        kind: "session",
        tenant: "default",
        version: 1,
        type_name,
        schema: 1,
        recorded_at: 1_000,
        command_id: &[7; 16],
        actor: "user:ada",
        request_id: None,
        address: None,
    }
}

async fn stored_in_the_first_layout(event: &SessionEvent) -> Folder {
    let folder = Folder::new();
    let store = folder.open().await;
    store.close().await;
    let payload = event.encode().unwrap().into_bytes();
    let payload_hash = chain::payload_hash(Codec::FirstJson, &payload);
    let header = header(Codec::FirstJson, session(1), event.type_name());
    let hash = chain::event_hash(Digest::default(), &header, payload_hash);
    let insert = format!(
        "INSERT INTO events (position, stream, version, type, schema, recorded_at, command_id, actor,
         request_id, codec, payload, payload_hash, hash)
         VALUES (1, x'{}', 1, '{}', 1, 1000, x'{}', 'user:ada', NULL, 0, $1, x'{payload_hash}', x'{hash}')",
        session(1).0.simple(),
        event.type_name(),
        "07".repeat(16),
    );
    let mut raw = folder.raw().await;
    sqlx::query(AssertSqlSafe(insert)).bind(payload).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    folder
}
