//! Trying a key before it is stored: one question that costs nothing.

use std::time::Duration;

use async_trait::async_trait;
use hyper::StatusCode;
use runner_core::ports::model::{KeyTrial, KeyVerdict, ModelKey};

use super::clients::{API_KEY, Clients, secret};
use super::upstream::{Verdict, verdict};

/// The question which models there are. Whoever is let in may ask it.
const QUESTION: &str = "/v1/models?limit=1";
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the APIs of models.
pub struct KeyProbe {
    clients: Clients,
}

impl std::fmt::Debug for KeyProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyProbe").finish_non_exhaustive()
    }
}

impl KeyProbe {
    /// `proxies` are those through which the server itself goes out.
    pub fn new(proxies: Vec<String>) -> reqwest::Result<Self> {
        Ok(Self { clients: Clients::new(proxies)? })
    }

    async fn ask(&self, key: &ModelKey) -> Option<(StatusCode, Vec<u8>)> {
        let ((client, url), secret) = (self.clients.of(key, QUESTION).ok()?, secret(key).ok()?);
        let question = client.get(url).header(API_KEY, secret).header(VERSION.0, VERSION.1);
        let answer = question.timeout(PATIENCE).send().await.ok()?;
        let status = answer.status();
        // Only the body of a refusal says something more.
        let is_short = answer.content_length().is_some_and(|length| length < 64 << 10);
        let body = if is_short { answer.bytes().await.ok()?.to_vec() } else { vec![] };
        Some((status, body))
    }
}

#[async_trait]
impl KeyTrial for KeyProbe {
    async fn try_key(&self, key: &ModelKey) -> KeyVerdict {
        let Some((status, body)) = self.ask(key).await else { return KeyVerdict::Unreachable };
        match verdict(status, &body) {
            Verdict::Refused => KeyVerdict::Refused { status: status.as_u16() },
            Verdict::Accepted if status.is_success() => KeyVerdict::Accepted,
            Verdict::Accepted | Verdict::NotForThis => KeyVerdict::Unclear,
        }
    }
}
