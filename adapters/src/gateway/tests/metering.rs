//! Reports of calls: one for each, with its usage, however it ended.

use std::time::Duration;

use runner_core::money::MicroDollars;
use runner_core::spend::{CallOutcome, ModelCall, Usage};
use serde_json::{Value, json};

use super::Set;
use super::upstream::Upstream;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\
    connection: close\r\n\r\n";
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":\
    {\"model\":\"claude-opus-4-8\",\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":300,\
    \"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":200},\
    \"cache_read_input_tokens\":1000,\"output_tokens\":1}}}\n\n";
const DELTA: &str = "event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
    \"delta\":{\"type\":\"text_delta\",\"text\":\"twelve bytes and four\"}}\r\n\r\n";
const END: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\
    \"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const ERROR: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";

#[tokio::test]
async fn stream_is_counted_wherever_its_pieces_are_cut() {
    let whole: &'static str = Box::leak([START, DELTA, END].concat().into_boxed_str());
    for cut in [1, START.len() / 2, START.len(), START.len() + DELTA.len() + 60, whole.len() - 3] {
        let pieces = vec![HEAD, &whole[..cut], &whole[cut..]];
        let mut set = Set::before(Upstream::playing(move |_| pieces.clone()).await).await;

        let answer = set.call().send().await.unwrap().text().await.unwrap();

        assert_eq!(answer, whole);
        let told = set.told().await;
        assert!(told.duration_ms >= 100, "{told:?}");
        assert_eq!(ModelCall { call_id: None, duration_ms: 0, ..told }, completed());
        assert!(set.outputs.try_recv().is_err(), "it was told of once");
    }
}

#[tokio::test]
async fn call_is_told_of_before_its_agent_sees_the_end() {
    let mut set = Set::before(Upstream::playing(|_| vec![HEAD, START, END, "…"]).await).await;

    let mut answer = set.call().send().await.unwrap();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        if String::from_utf8_lossy(&chunk).contains("message_stop") {
            break;
        }
    }

    assert_eq!(set.outputs.try_recv().map(|_| ()), Ok(()));
}

#[tokio::test]
async fn message_that_comes_whole_is_counted_too() {
    let body = json!({ "type": "message", "model": "claude-haiku-4-5", "usage": {
        "input_tokens": 1000, "output_tokens": 200, "server_tool_use": { "web_search_requests": 1 },
    } })
    .to_string();
    let mut set = Set::answering(whole(200, &body)).await;

    set.call().send().await.unwrap();

    let told = set.told().await;
    assert_eq!(
        (&*told.model, told.outcome, told.status),
        ("claude-haiku-4-5", CallOutcome::Completed, Some(200))
    );
    assert_eq!((told.usage.input_tokens, told.usage.output_tokens), (1000, 200));
    assert_eq!(told.cost_micros, MicroDollars(1000 + 1000 + 10_000));
}

#[tokio::test]
async fn failed_call_is_told_of_with_the_model_that_was_asked() {
    for (answer, status) in [(whole(529, "{}"), 529), (whole(400, "no json"), 400), ("", 502)] {
        let mut set = Set::answering(answer).await;

        set.call().body(r#"{"max_tokens":1,"model":"claude-opus-4-8"}"#).send().await.unwrap();

        let told = set.told().await;
        let expected = ModelCall {
            outcome: CallOutcome::Failed,
            usage: Usage::default(),
            cost_micros: MicroDollars(0),
            status: Some(status),
            api_request_id: None,
            subagent: None,
            ..completed()
        };
        assert_eq!(ModelCall { call_id: None, duration_ms: 0, ..told }, expected);
    }
}

#[tokio::test]
async fn call_that_is_cut_off_counts_what_was_told_and_written() {
    let cut: [Vec<&str>; 3] = [
        vec![HEAD, START, DELTA],        // the API breaks off
        vec![HEAD, START, DELTA, "…"],   // the agent leaves
        vec![HEAD, START, DELTA, ERROR], // the API says that it failed
    ];
    for (pieces, outcome) in
        cut.into_iter().zip([CallOutcome::CutOff, CallOutcome::CutOff, CallOutcome::Failed])
    {
        let length = pieces.len();
        let mut set = Set::before(Upstream::playing(move |_| pieces.clone()).await).await;

        let mut answer = set.call().send().await.unwrap();
        for _ in 1..length.min(3) {
            answer.chunk().await.unwrap();
        }
        if outcome == CallOutcome::Failed {
            answer.chunk().await.unwrap();
        } else if length == 3 {
            answer.chunk().await.ok();
        }
        drop(answer);

        let told = set.told().await;
        assert_eq!((told.outcome, told.status), (outcome, Some(200)));
        // 21 bytes were written.
        assert_eq!((told.usage.output_tokens, told.usage.input_tokens), (6, 10));
        assert_eq!(told.cost_micros, MicroDollars(completed().cost_micros.0 - (20 - 6) * 25));
    }
}

#[tokio::test]
async fn call_under_way_is_told_of_when_the_process_ends_and_then_nothing_more_is() {
    let set = Set::before(Upstream::playing(|_| vec![HEAD, START, "…"]).await).await;

    let mut answer = set.call().send().await.unwrap();
    answer.chunk().await.unwrap();
    let Set { pass, mut outputs, upstream, gateway: _gateway } = set;
    drop(pass);

    let told = tokio::time::timeout(std::time::Duration::from_secs(5), outputs.recv()).await.unwrap();
    assert!(told.is_some());
    let after = tokio::time::timeout(std::time::Duration::from_secs(5), outputs.recv()).await.unwrap();
    assert_eq!(after, None, "the outputs end");
    drop(upstream);
}

#[tokio::test]
async fn call_that_is_left_before_its_answer_has_cost_its_question() {
    for pieces in [vec!["…"], vec![HEAD, "…"]] {
        let mut set = Set::before(Upstream::playing(move |_| pieces.clone()).await).await;
        let question =
            format!(r#"{{"model":"claude-opus-4-8","max_tokens":1,"messages":"{}"}}"#, "x".repeat(942));

        let call = set.call().body(question).send();
        let answer = tokio::time::timeout(Duration::from_millis(300), call).await;
        drop(answer);

        let told = set.told().await;
        assert_eq!((told.outcome, told.usage.input_tokens), (CallOutcome::CutOff, 250));
        assert_eq!(told.cost_micros, MicroDollars(250 * 5));
    }
}

#[tokio::test]
async fn what_the_api_asks_beside_the_message_is_counted_at_its_own_price() {
    let usage = json!({
        "input_tokens": 100, "output_tokens": 20, "iterations": [
            { "type": "message", "input_tokens": 100, "output_tokens": 5 },
            { "type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 1000, "output_tokens": 10 },
            { "type": "compaction", "input_tokens": 4000, "output_tokens": 200 },
            { "type": 5 },
            { "type": "message", "input_tokens": 0, "output_tokens": 15 },
        ],
    });
    let body = json!({ "type": "message", "model": "claude-haiku-4-5", "usage": usage }).to_string();
    let start = json!({ "type": "message_start", "message": { "model": "claude-haiku-4-5", "usage": {} } });
    let delta = json!({ "type": "message_delta", "usage": usage });
    let streamed = format!("{HEAD}data: {start}\n\ndata: {delta}\n\ndata: {{\"type\":\"message_stop\"}}\n\n");
    for answer in [whole(200, &body), Box::leak(streamed.into_boxed_str())] {
        let mut set = Set::answering(answer).await;

        set.call().send().await.unwrap().bytes().await.unwrap();

        let told = set.told().await;
        assert_eq!((told.usage.input_tokens, told.usage.output_tokens), (5100, 230));
        assert_eq!(told.cost_micros, MicroDollars(100 + 20 * 5 + 1000 * 5 + 10 * 25 + 4000 + 200 * 5));
    }
}

#[tokio::test]
async fn counting_tokens_costs_nothing_and_is_not_told_of() {
    let mut set = Set::answering(whole(200, r#"{"input_tokens":7}"#)).await;

    let call = set.request(reqwest::Method::POST, "/v1/messages/count_tokens?beta=true").body("{}");
    let answer = call.header("x-api-key", set.pass.token()).send().await.unwrap();

    assert_eq!(answer.json::<Value>().await.unwrap()["input_tokens"], 7);
    assert!(set.outputs.try_recv().is_err());
}

/// The whole stream.
fn completed() -> ModelCall {
    ModelCall {
        call_id: None,
        model: "claude-opus-4-8".into(),
        outcome: CallOutcome::Completed,
        usage: Usage {
            input_tokens: 10,
            output_tokens: 20,
            cache_read_input_tokens: 1000,
            cache_creation_input_tokens: 300,
        },
        cost_micros: MicroDollars(10 * 5 + 20 * 25 + 500 + 100 * 25 / 4 + 200 * 10),
        cost_is_estimate: false,
        key: None,
        status: Some(200),
        duration_ms: 0,
        api_request_id: Some("req_1".into()),
        subagent: None,
    }
}

fn whole(status: u16, body: &str) -> &'static str {
    let head = "content-type: application/json\r\nconnection: close\r\n";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\n{head}content-length: {length}\r\n\r\n{body}");
    Box::leak(answer.into_boxed_str())
}
