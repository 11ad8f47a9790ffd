//! The agent's `result` line: the outcome of a turn and its cost.

use runner_core::agent::{AgentOutcome, AgentOutput, Denial, TurnReport};
use runner_core::money::MicroDollars;
use runner_core::spend::{ModelUse, Spend, Usage};
use serde_json::Value;

use super::json::{number, text};

/// Far more than any turn uses; a model that claims more must not make totals overflow.
pub(crate) const MAX_TOKENS: u64 = 1_000_000_000_000;
const MAX_USD: f64 = 1e9;

/// Reads a `result` line leniently: a turn must end, whatever a newer version writes about it.
pub(super) fn turn_report(raw: &Value) -> TurnReport {
    let denials = raw["permission_denials"].as_array().map(Vec::as_slice).unwrap_or_default();
    TurnReport {
        outcome: outcome(raw),
        text: final_text(raw),
        stop_reason: raw["stop_reason"].as_str().map(str::to_owned),
        structured_output: raw.get("structured_output").filter(|output| !output.is_null()).cloned(),
        total: total_spend(raw),
        own_spend: own_spend(raw),
        duration_ms: raw["duration_ms"].as_u64().unwrap_or_default(),
        total_duration_api_ms: raw["duration_api_ms"].as_u64().unwrap_or_default(),
        agent_turns: number(&raw["num_turns"]),
        denials: denials.iter().map(denial).collect(),
        unsolicited: raw["origin"]["kind"] == "task-notification",
    }
}

/// The outcome of a turn. A failure of the model's API comes as `success` with `is_error`; an interrupt as an
/// error.
fn outcome(raw: &Value) -> AgentOutcome {
    if raw["terminal_reason"].as_str().is_some_and(|reason| reason.starts_with("aborted_")) {
        return AgentOutcome::Aborted;
    }
    match raw["subtype"].as_str() {
        Some("error_max_turns") => AgentOutcome::MaxTurns,
        Some("error_max_budget_usd") => AgentOutcome::MaxBudget,
        Some("error_max_structured_output_retries") => AgentOutcome::OutputSchemaUnmet,
        _ if raw["is_error"] != true => AgentOutcome::Succeeded,
        _ if raw["stop_reason"] == "refusal" => AgentOutcome::Refused,
        Some("success") => {
            let status = raw["api_error_status"].as_u64().and_then(|status| u16::try_from(status).ok());
            AgentOutcome::ApiError { status }
        }
        Some(_) | None => AgentOutcome::Failed,
    }
}

fn final_text(raw: &Value) -> String {
    if let Some(result) = raw["result"].as_str() {
        return result.to_owned();
    }
    let errors = raw["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Reads the answer to a question about the spending of the process.
pub(crate) fn metered(raw: &Value) -> AgentOutput {
    let session = &raw["session"];
    AgentOutput::Metered {
        total: spend(&session["total_cost_usd"], &session["model_usage"]),
        total_duration_api_ms: session["total_api_duration_ms"].as_u64().unwrap_or_default(),
    }
}

/// The spending since the result before; absent on versions that do not tell it.
fn own_spend(raw: &Value) -> Option<Spend> {
    let models = raw.get("model_usage_since_last_result").filter(|models| models.is_object())?;
    let own = spend(&Value::Null, models);
    let cost_micros = own.models.values().map(|used| used.cost_micros).sum();
    Some(Spend { cost_micros, ..own })
}

/// The spending of the process so far: both fields are running totals, whatever their names suggest.
fn total_spend(raw: &Value) -> Spend {
    spend(&raw["total_cost_usd"], &raw["modelUsage"])
}

fn spend(total_cost_usd: &Value, models: &Value) -> Spend {
    let models = models.as_object().into_iter().flatten().map(|(name, model)| {
        let count = |field: &str| model[field].as_u64().unwrap_or_default().min(MAX_TOKENS);
        let usage = Usage {
            input_tokens: count("inputTokens"),
            output_tokens: count("outputTokens"),
            cache_read_input_tokens: count("cacheReadInputTokens"),
            cache_creation_input_tokens: count("cacheCreationInputTokens"),
        };
        (name.clone(), ModelUse { usage, cost_micros: micros(&model["costUSD"]) })
    });
    Spend { cost_micros: micros(total_cost_usd), models: models.collect() }
}

fn micros(usd: &Value) -> MicroDollars {
    MicroDollars::from_usd(usd.as_f64().unwrap_or_default().min(MAX_USD))
}

fn denial(raw: &Value) -> Denial {
    Denial {
        tool_name: text(&raw["tool_name"]),
        tool_use_id: text(&raw["tool_use_id"]),
        tool_input: raw["tool_input"].clone(),
    }
}
