//! What is hashed of an event, and what a walk along a chain finds.

use uuid::Uuid;

use super::{ChainCheck, Codec, Envelope, Flaw, Layout, StoredEvent, content_hash};
use crate::ids::{CommandId, StreamId};
use crate::log::Digest;
use crate::time::Timestamp;

const PAYLOAD: &[u8] = br#"{"text":"hi"}"#;

#[test]
fn hash_of_an_event_is_this_for_ever() {
    let hash = envelope(1).hash(Digest::default());

    assert_eq!(hash.to_string(), "57e8ffd4db20d61381c9f52433be1f800ce90f44294058e1998dc061329805bc");
}

#[test]
fn every_field_and_the_event_before_change_the_hash() {
    let envelope = envelope(1);
    let others = [
        Envelope { stream: StreamId(Uuid::from_u128(2)), ..envelope },
        Envelope { kind: "account", ..envelope },
        Envelope { tenant: "other", ..envelope },
        Envelope { version: 2, ..envelope },
        Envelope { type_name: "turn_started", ..envelope },
        Envelope { schema: 2, ..envelope },
        Envelope { recorded_at: Timestamp::from_micros(1_001), ..envelope },
        Envelope { command: CommandId(Uuid::from_u128(8)), ..envelope },
        Envelope { actor: "user:bob", ..envelope },
        Envelope { http_request_id: None, ..envelope },
        Envelope { http_request_id: Some(""), ..envelope },
        Envelope { address: Some(""), ..envelope },
        Envelope { http_request_id: None, address: Some("r1"), ..envelope },
        Envelope { codec: Codec::Blob, ..envelope },
        Envelope { payload_hash: content_hash(b"{}"), ..envelope },
    ];

    let mut hashes: Vec<_> = others.iter().map(|other| other.hash(Digest::default()).0).collect();
    hashes.push(envelope.hash(Digest::default()).0);
    hashes.push(envelope.hash(Digest([1; 32])).0);

    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), others.len() + 2);
}

#[test]
fn numbers_of_layouts_and_codecs_are_kept() {
    assert_eq!(Layout::from_number(Layout::First.number()), Ok(Layout::First));
    for codec in [Codec::Json, Codec::Blob] {
        assert_eq!(Codec::from_number(codec.number()), Ok(codec));
    }
    assert_eq!(Layout::from_number(0), Err(Flaw::UnknownLayout));
    assert_eq!(Codec::from_number(2), Err(Flaw::UnknownCodec));
}

#[test]
fn chain_of_good_events_is_valid() {
    let first = stored(1, Digest::default());
    let second = stored(2, first.hash);
    let mut chain = ChainCheck::of(StreamId(Uuid::from_u128(1)));

    let checked = [chain.check(&first), chain.check(&second)];

    assert_eq!(checked, [Ok(()), Ok(())]);
    let verification = chain.verified(None);
    assert_eq!((verification.valid, verification.events), (true, 2));
    assert_eq!((verification.head_hash, verification.first_bad_version), (second.hash, None));
}

#[test]
fn flaw_is_told_with_the_version_that_has_it() {
    let first = stored(1, Digest::default());
    let second = stored(2, first.hash);
    let other = StreamId(Uuid::from_u128(2));
    for (event, flaw) in [
        (stored(3, first.hash), Flaw::Missing),
        (stored(2, Digest::default()), Flaw::Unconnected),
        (StoredEvent { payload: b"{}", ..second }, Flaw::Payload),
        (
            StoredEvent { envelope: Envelope { stream: other, ..second.envelope }, ..second },
            Flaw::Unconnected,
        ),
        (StoredEvent { envelope: Envelope { codec: Codec::Blob, ..second.envelope }, ..second }, Flaw::Blob),
    ] {
        let mut chain = ChainCheck::of(StreamId(Uuid::from_u128(1)));
        chain.check(&first).unwrap();

        assert_eq!(chain.check(&event), Err(flaw));

        let verification = chain.verified(Some(flaw));
        assert_eq!((verification.valid, verification.events), (false, 1));
        assert_eq!((verification.first_bad_version, verification.reason), (Some(2), Some(flaw.to_string())));
    }
}

#[test]
fn payload_in_a_blob_is_good_while_the_blob_has_its_address() {
    let address = content_hash(PAYLOAD).0;
    let mut envelope = envelope(1);
    (envelope.codec, envelope.payload_hash) = (Codec::Blob, content_hash(&address));
    let hash = envelope.hash(Digest::default());
    let event = |blob| StoredEvent { envelope, payload: &address, blob, hash };
    let check = |event| ChainCheck::of(StreamId(Uuid::from_u128(1))).check(&event);

    assert_eq!(check(event(Some(PAYLOAD))), Ok(()));
    assert_eq!(check(event(Some(b"{}"))), Err(Flaw::Blob));
    assert_eq!(check(event(None)), Err(Flaw::Blob));
}

fn envelope(version: u64) -> Envelope<'static> {
    Envelope {
        layout: Layout::First,
        stream: StreamId(Uuid::from_u128(1)),
        kind: "session",
        tenant: "default",
        version,
        type_name: "prompt_submitted",
        schema: 1,
        recorded_at: Timestamp::from_micros(1_000),
        command: CommandId(Uuid::from_u128(7)),
        actor: "user:ada",
        http_request_id: Some("r1"),
        address: None,
        codec: Codec::Json,
        payload_hash: content_hash(PAYLOAD),
    }
}

fn stored(version: u64, previous: Digest) -> StoredEvent<'static> {
    let envelope = envelope(version);
    StoredEvent { envelope, payload: PAYLOAD, blob: None, hash: envelope.hash(previous) }
}
