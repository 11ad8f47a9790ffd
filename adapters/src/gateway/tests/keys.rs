//! Several keys: the next one is tried before anything was said to the agent.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runner_core::ids::SecretId;
use runner_core::ports::ReadError;
use runner_core::ports::model::{ModelKey, ModelKeys, ModelScope};
use runner_core::setup::api_key::Network;
use runner_core::spend::BudgetSpent;
use serde_json::Value;
use uuid::Uuid;

use super::upstream::Upstream;
use super::{Gateway, client, pass, scope, unlimited};

const ACCEPTED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\naccepted";
const UNKNOWN: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 7\r\nconnection: close\r\n\r\nunknown";
const LOCKED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 41\r\nconnection: close\r\n\r\n\
    {\"error\":{\"type\":\"authentication_error\"}} ";
const NOT_FOR_THIS: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 37\r\nconnection: close\r\n\r\n\
    {\"error\":{\"type\":\"permission_error\"}} ";
const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nforbidden";

/// A vault as simple as can be: it keeps who was asked about and which keys were refused.
#[derive(Default)]
struct Vault {
    keys: Vec<ModelKey>,
    refused: Mutex<Vec<(ModelScope, Option<Uuid>, u16)>>,
}

#[async_trait]
impl ModelKeys for Vault {
    async fn keys(&self, _: &ModelScope) -> Result<Vec<ModelKey>, ReadError> {
        Ok(self.keys.clone())
    }

    async fn refused(&self, scope: &ModelScope, key: &ModelKey, status: u16) {
        self.refused.lock().unwrap().push((scope.clone(), key.id, status));
    }

    async fn exhausted(&self, _: &ModelScope, _: &ModelKey, _: &BudgetSpent) {}
}

/// Asks with keys `unknown`, `locked` and so on; the answer, how often it was asked, and who was refused.
async fn ask(names: &[&str]) -> (u16, String, usize, Vec<(ModelScope, Option<Uuid>, u16)>) {
    let upstream = Upstream::playing(|request| {
        let answers = [
            ("unknown", UNKNOWN),
            ("locked", LOCKED),
            ("not for this", NOT_FOR_THIS),
            ("forbidden", FORBIDDEN),
            ("good", ACCEPTED),
        ];
        let name = request.lines().find_map(|line| line.strip_prefix("x-api-key: ")).unwrap();
        vec![answers.iter().find(|(known, _)| *known == name).unwrap().1]
    })
    .await;
    let id = |index: usize| Some(Uuid::from_u128(index as u128));
    let key = |(index, name): (usize, &&str)| ModelKey::new(id(index), Some(upstream.base_url()), *name);
    let vault = Arc::new(Vault { keys: names.iter().enumerate().map(key).collect(), ..Vault::default() });
    let gateway = Gateway::start(unlimited(Arc::clone(&vault) as Arc<dyn ModelKeys>)).await.unwrap();
    let pass = pass(&gateway, 7);

    let call = client().post(format!("{}/v1/messages", gateway.base_url())).header("x-api-key", pass.token());
    let answer = call.body("{}").send().await.unwrap();

    let status = answer.status().as_u16();
    let refused = vault.refused.lock().unwrap().clone();
    (status, answer.text().await.unwrap(), upstream.asked().len(), refused)
}

#[tokio::test]
async fn key_that_is_not_accepted_is_passed_over_and_reported() {
    let (status, body, asked, refused) = ask(&["unknown", "locked", "good", "good"]).await;

    assert_eq!((status, &*body, asked), (200, "accepted", 3));
    let id = |index| Some(Uuid::from_u128(index));
    assert_eq!(refused, [(scope(7), id(0), 401), (scope(7), id(1), 403)]);
}

#[tokio::test]
async fn key_that_may_not_do_this_is_passed_over_and_not_put_to_rest() {
    let (status, body, asked, refused) = ask(&["not for this", "good"]).await;

    assert_eq!((status, &*body, asked, refused), (200, "accepted", 2, vec![]));
}

#[tokio::test]
async fn answer_to_the_last_key_is_the_answer() {
    let (status, body, asked, refused) = ask(&["locked", "unknown"]).await;

    assert_eq!((status, &*body, asked, refused.len()), (401, "unknown", 2, 2));
}

#[tokio::test]
async fn refusal_that_is_not_about_the_key_is_not_asked_twice() {
    let (status, body, asked, refused) = ask(&["forbidden", "good"]).await;

    assert_eq!((status, &*body, asked, refused.len()), (403, "forbidden", 1, 0));
}

#[tokio::test]
async fn without_any_key_the_agent_is_told_so() {
    let (status, body, asked, _) = ask(&[]).await;

    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, asked), (403, 0));
    assert_eq!(
        body["error"]["message"],
        "no API key of this session's owner can be used: enable one, or store another"
    );
}

#[tokio::test]
async fn key_of_a_member_is_not_sent_into_the_servers_own_network() {
    let upstream = Upstream::answering(ACCEPTED).await;
    let by_name = upstream.base_url().replace("127.0.0.1", "localhost");
    for address in [upstream.base_url(), by_name] {
        let key = ModelKey::new(Some(Uuid::from_u128(1)), Some(address), "good");
        let key = key.stored(SecretId(Uuid::from_u128(2)), Network::Public);
        let vault = Arc::new(Vault { keys: vec![key], ..Vault::default() });
        let gateway = Gateway::start(unlimited(vault)).await.unwrap();
        let pass = pass(&gateway, 7);

        let call = client().post(format!("{}/v1/messages", gateway.base_url()));
        let answer = call.header("x-api-key", pass.token()).body("{}").send().await.unwrap();

        assert_eq!(answer.status(), 502);
    }
    assert_eq!(upstream.asked(), Vec::<String>::new());
}
