//! Where payloads lie, in SQL. Nothing else in SQL spells the number of a codec.

use runner_core::log::chain::Codec;

const _: () = assert!(Codec::Json.number() == 0 && Codec::Blob.number() == 1);

/// Events `e`, each with the blob `b` that its payload lies in; without one where it lies in the log itself.
macro_rules! events_with_blobs {
    () => {
        "events e LEFT JOIN blobs b ON e.codec = 1 AND b.hash = e.payload"
    };
}

/// A payload as JSON text: that of `events_with_blobs`, or of a row of `events` by the name of that row,
/// wherever it lies. SQLite takes bytes for a form of its own.
macro_rules! payload_text {
    () => {
        "CAST(coalesce(b.bytes, e.payload) AS TEXT)"
    };
    ($row:literal) => {
        concat!(
            "CASE ",
            $row,
            ".codec WHEN 0 THEN CAST(",
            $row,
            ".payload AS TEXT) ELSE (SELECT CAST(bytes AS TEXT) FROM blobs WHERE hash = ",
            $row,
            ".payload) END"
        )
    };
}

/// The payload where it lies in the log itself.
macro_rules! inline_payload {
    () => {
        "CASE WHEN codec = 0 THEN payload END"
    };
}

pub(super) use {events_with_blobs, inline_payload, payload_text};
