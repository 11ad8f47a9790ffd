//! What the agent's program writes to its error output: the last of it explains an end.

use std::io;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::session_tokens::masked;

/// The part of the error output that is kept to explain an end.
const MAX_ERROR_BYTES: usize = 4096;

/// Keeps the last of what the program says.
pub(super) async fn drain(mut stderr: impl AsyncRead + Unpin, tail: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 1024];
    while let Ok(read) = stderr.read(&mut chunk).await {
        if read == 0 {
            return;
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&chunk[..read]);
        let surplus = tail.len().saturating_sub(MAX_ERROR_BYTES);
        tail.drain(..surplus);
    }
}

/// How the program ended, with the last that it said.
pub(super) fn describe(status: io::Result<ExitStatus>, error_output: &[u8]) -> String {
    let how = match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    match String::from_utf8_lossy(error_output).trim() {
        "" => how,
        said => format!("{how}: {}", masked(said)),
    }
}
