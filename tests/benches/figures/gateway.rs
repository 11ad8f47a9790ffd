//! What a call of the model takes longer because it goes through the gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Client;
use runner_actors::{Repository, StoredBudgets};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_adapters::gateway::{
    Admission, Anybody, CallJournal, Gateway, GatewaySettings, MonthlyBudgets, OperatorKey,
};
use runner_adapters::offline_model::OfflineModel;
use runner_core::ids::{SessionId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::ports::model::{ModelKey, ModelScope};
use runner_core::spend::SpentBefore;
use runner_tests::script;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{millis, report};

const ROUNDS: usize = 300;
const WARM_UP: usize = 20;

/// About what Claude Code sends at the beginning of a conversation.
const PROMPT_BYTES: usize = 80_000;

pub(crate) async fn measure() {
    println!("\n# A call of the model through the gateway");
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::default());
    let store = EventStore::open(&folder.path().join("runner.db"), clock.clone()).await.unwrap();
    let model = OfflineModel::start(None).await.unwrap();
    let budget = Some(MicroDollars(u64::MAX));
    let limits = StoredBudgets { repository: Repository::new(Arc::new(store.clone())), of_each_user: budget };
    let gateway = Gateway::start(GatewaySettings {
        keys: Arc::new(OperatorKey(ModelKey::new(None, Some(model.base_url()), "sk-ant-bench"))),
        budgets: Arc::new(MonthlyBudgets::new(Arc::new(limits), Arc::new(store.clone()), clock)),
        session_budget: budget,
        journal: CallJournal::new(folder.path().join("calls")),
        proxies: vec![],
    })
    .await
    .unwrap();
    let (told, mut outputs) = mpsc::channel(256);
    let scope =
        ModelScope { session: SessionId(Uuid::now_v7()), tenant: TenantId::first(), owner: "local".into() };
    let admission =
        Admission { scope, caller: Arc::new(Anybody), spent: SpentBefore::default(), turn_budget: None };
    let pass = gateway.admit(admission, told).unwrap();
    tokio::spawn(async move { while outputs.recv().await.is_some() {} });

    let client = Client::builder().no_proxy().build().unwrap();
    let (mut direct, mut through) = (vec![], vec![]);
    for round in 0..WARM_UP + ROUNDS {
        let one = call(&client, &model.base_url(), "sk-ant-bench").await;
        let other = call(&client, &gateway.base_url(), pass.token()).await;
        if round >= WARM_UP {
            direct.push(one);
            through.push(other);
        }
    }
    let direct = report("streamed call, direct", "ms", millis(&direct));
    let through = report("streamed call, through the gateway", "ms", millis(&through));
    println!("  = {:.2} ms more (goal: under 2)", through - direct);
    store.close().await;
}

async fn call(client: &Client, base_url: &str, key: &str) -> Duration {
    let system = "x".repeat(PROMPT_BYTES);
    let prompt = script("Say ok.", &json!([{ "text": "ok" }]));
    let body: Value = json!({
        "model": "claude-opus-4-8", "max_tokens": 100, "stream": true, "system": system,
        "tools": [{ "name": "Bash" }], "messages": [{ "role": "user", "content": prompt }],
    });
    let body = body.to_string();
    let begun = Instant::now();
    let call = client.post(format!("{base_url}/v1/messages?beta=true")).header("x-api-key", key);
    let text = call.body(body).send().await.unwrap().text().await.unwrap();
    let took = begun.elapsed();
    assert!(text.contains("message_stop"), "{text}");
    took
}
