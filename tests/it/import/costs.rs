//! What the price list asks for what was imported.

use runner_tests::server::Server;
use serde_json::{Value, json};

use super::import;
use super::transcripts::{Conversation, Transcripts};

#[tokio::test]
async fn costs_are_estimated_by_the_price_list_and_unknown_is_null() {
    let transcripts = Transcripts::new();
    let known = Conversation::of(1).prompt("one").answer("m1", "1");
    let mut unknown = Conversation::of(2).prompt("one").answer("m2", "1");
    unknown.lines[1]["message"]["model"] = json!("somebody-elses-model");
    for conversation in [&known, &unknown] {
        transcripts.write(conversation);
    }
    let mut server = Server::start().await;
    server.stop().await;

    import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;

    // 1,000 tokens of input at $5 and 200 of output at $25 for a million.
    let cost = |of: &Value| [of["cost_usd"].clone(), of["cost_is_estimate"].clone()];
    let view = server.view(&known.session).await;
    assert_eq!(
        [cost(&view), cost(&view["turns"][0])],
        [[json!(0.01), json!(true)], [json!(0.01), json!(true)]]
    );
    let view = server.view(&unknown.session).await;
    assert_eq!(
        [cost(&view), cost(&view["turns"][0])],
        [[Value::Null, json!(false)], [Value::Null, json!(false)]]
    );
}
