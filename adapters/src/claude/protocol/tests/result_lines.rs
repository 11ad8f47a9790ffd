//! Outcomes of turns, in all the shapes in which the agent reports them.

use runner_core::agent::{AgentOutcome, Denial, TurnReport};
use runner_core::money::MicroDollars;
use runner_core::spend::{ModelUse, Spend, Usage};
use serde_json::{Value, json};

use crate::claude::protocol::result_line::turn_report;

#[test]
fn success_is_read_with_everything_it_says() {
    let line = json!({
        "type": "result", "subtype": "success", "is_error": false, "api_error_status": null, "duration_ms": 122,
        "duration_api_ms": 32, "ttft_ms": 117, "num_turns": 2, "result": "{\"name\":\"Bob\"}",
        "structured_output": { "name": "Bob" }, "stop_reason": "tool_use", "session_id": "s",
        "total_cost_usd": 0.0123455, "usage": { "input_tokens": 100, "output_tokens": 20 },
        "modelUsage": {
            "claude-opus-4-8[1m]": { "inputTokens": 100, "outputTokens": 20, "cacheReadInputTokens": 7,
                "cacheCreationInputTokens": 3, "webSearchRequests": 0, "costUSD": 0.012, "contextWindow": 1000000 },
            "haiku": { "inputTokens": 5, "outputTokens": 1, "costUSD": 0.0003455 },
        },
        "permission_denials": [{ "tool_name": "Write", "tool_use_id": "toolu_1", "tool_input": { "a": 1 } }],
        "terminal_reason": "completed", "fast_mode_state": "off", "uuid": "u",
    });

    let used = |usage, micros| ModelUse { usage, cost_micros: MicroDollars(micros) };
    let opus = Usage {
        input_tokens: 100,
        output_tokens: 20,
        cache_read_input_tokens: 7,
        cache_creation_input_tokens: 3,
    };
    let haiku = Usage { input_tokens: 5, output_tokens: 1, ..Usage::default() };
    assert_eq!(
        turn_report(&line),
        TurnReport {
            outcome: AgentOutcome::Succeeded,
            text: "{\"name\":\"Bob\"}".into(),
            stop_reason: Some("tool_use".into()),
            structured_output: Some(json!({ "name": "Bob" })),
            own_spend: None,
            total: Spend {
                cost_micros: MicroDollars(12_346),
                models: [
                    ("claude-opus-4-8[1m]".into(), used(opus, 12_000)),
                    ("haiku".into(), used(haiku, 346)),
                ]
                .into(),
            },
            duration_ms: 122,
            total_duration_api_ms: 32,
            agent_turns: 2,
            unsolicited: false,
            denials: vec![Denial {
                tool_name: "Write".into(),
                tool_use_id: "toolu_1".into(),
                tool_input: json!({ "a": 1 }),
            }],
        }
    );
}

#[test]
fn each_shape_of_a_result_has_its_outcome_and_its_text() {
    let api_error = |status| AgentOutcome::ApiError { status };
    let interrupted = "[ede_diagnostic] result_type=user";
    for (line, outcome, text) in [
        (
            json!({ "subtype": "success", "is_error": false, "result": "hi", "terminal_reason": "completed" }),
            AgentOutcome::Succeeded,
            "hi",
        ),
        (
            json!({ "subtype": "success", "is_error": false, "result": "", "stop_reason": "tool_deferred",
            "terminal_reason": "tool_deferred" }),
            AgentOutcome::Succeeded,
            "",
        ),
        (
            json!({ "subtype": "error_max_turns", "is_error": true, "terminal_reason": "max_turns",
            "errors": ["Reached maximum number of turns (2)"] }),
            AgentOutcome::MaxTurns,
            "Reached maximum number of turns (2)",
        ),
        (
            json!({ "subtype": "error_max_budget_usd", "is_error": true, "errors": ["Reached maximum budget ($0.01)"] }),
            AgentOutcome::MaxBudget,
            "Reached maximum budget ($0.01)",
        ),
        (
            json!({ "subtype": "error_max_structured_output_retries", "is_error": true, "errors": ["5 tries"] }),
            AgentOutcome::OutputSchemaUnmet,
            "5 tries",
        ),
        (
            json!({ "subtype": "error_during_execution", "is_error": true, "stop_reason": null,
            "terminal_reason": "aborted_streaming", "errors": [interrupted] }),
            AgentOutcome::Aborted,
            interrupted,
        ),
        (
            json!({ "subtype": "error_during_execution", "is_error": true, "terminal_reason": "aborted_tools" }),
            AgentOutcome::Aborted,
            "",
        ),
        (
            json!({ "subtype": "success", "is_error": true, "api_error_status": 529, "stop_reason": "stop_sequence",
            "result": "API Error: 529", "terminal_reason": "completed" }),
            api_error(Some(529)),
            "API Error: 529",
        ),
        (
            json!({ "subtype": "success", "is_error": true, "api_error_status": null,
            "result": "Not logged in · Please run /login" }),
            api_error(None),
            "Not logged in · Please run /login",
        ),
        (
            json!({ "subtype": "success", "is_error": true, "stop_reason": "refusal", "result": "no" }),
            AgentOutcome::Refused,
            "no",
        ),
        (
            json!({ "subtype": "error_during_execution", "is_error": true, "errors": ["No conversation", "found"] }),
            AgentOutcome::Failed,
            "No conversation\nfound",
        ),
        (json!({ "subtype": "error_of_the_future", "is_error": true }), AgentOutcome::Failed, ""),
        (json!({ "is_error": true }), AgentOutcome::Failed, ""),
    ] {
        let report = turn_report(&line);

        assert_eq!((report.outcome, &report.text[..]), (outcome, text), "{line}");
    }
}

#[test]
fn result_that_says_next_to_nothing_still_ends_the_turn() {
    for line in [
        json!({ "type": "result" }),
        json!({ "modelUsage": 7, "permission_denials": {}, "num_turns": -1,
        "total_cost_usd": "free", "duration_ms": 1.5, "structured_output": null }),
    ] {
        assert_eq!(
            turn_report(&line),
            TurnReport {
                outcome: AgentOutcome::Succeeded,
                text: String::new(),
                stop_reason: None,
                structured_output: None,
                total: Spend::default(),
                own_spend: None,
                duration_ms: 0,
                total_duration_api_ms: 0,
                agent_turns: 0,
                unsolicited: false,
                denials: vec![],
            }
        );
    }
}

#[test]
fn amounts_are_rounded_to_the_micro_dollar() {
    for (dollars, micros) in
        [(json!(0.1), 100_000), (json!(1e-7), 0), (json!(6e-7), 1), (json!(-1), 0), (Value::Null, 0)]
    {
        let report = turn_report(&json!({ "total_cost_usd": dollars }));

        assert_eq!(report.total.cost_micros, MicroDollars(micros));
    }
}

#[test]
fn newer_versions_tell_what_the_turn_itself_has_used() {
    let line = json!({
        "type": "result", "subtype": "success", "total_cost_usd": 0.06,
        "modelUsage": { "opus": { "inputTokens": 60, "costUSD": 0.06 } },
        "model_usage_since_last_result": {
            "opus": { "inputTokens": 10, "costUSD": 0.01 },
            "haiku": { "outputTokens": 4, "costUSD": 0.002 },
        },
    });

    let own = turn_report(&line).own_spend.unwrap();

    assert_eq!((own.cost_micros, own.models["haiku"].usage.output_tokens), (MicroDollars(12_000), 4));
    let nothing = turn_report(&json!({ "type": "result", "model_usage_since_last_result": {} }));
    assert_eq!(nothing.own_spend, Some(Spend::default()));
}
