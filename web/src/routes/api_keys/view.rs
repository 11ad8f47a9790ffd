//! A key as it may be seen, and its place among others.

use runner_core::ids::ApiKeyId;
use runner_core::money::MicroDollars;
use runner_core::setup::api_key::event::StoredKey;
use runner_core::setup::api_key::{ApiKey, KeyCheck};
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::{ApiError, not_found};

/// A stored key as it may be seen.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct KeyView {
    pub(super) id: ApiKeyId,
    name: String,
    owner: String,
    last_four: String,
    /// What the API said when the value was stored; null where stored keys are not used, and so were not
    /// tried. A key that it does not accept is not stored.
    checked: Option<KeyCheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    priority: u32,
    enabled: bool,
    monthly_budget_usd: Option<f64>,
    /// In this calendar month of UTC.
    spent_this_month_usd: f64,
    calls_this_month: u64,
    /// When the API did not accept it, and with which status.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refused: Option<RefusalView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    rotated_at: Option<Timestamp>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct RefusalView {
    status: u16,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

pub(super) async fn view(context: &Context, key: &ApiKey) -> Result<KeyView, ApiError> {
    let stored = key.stored().ok_or_else(not_found)?;
    let spent = context.api_keys.spent_this_month(stored.key).await?;
    Ok(KeyView {
        id: stored.key,
        name: stored.name.clone(),
        owner: stored.owner.clone(),
        last_four: stored.last_four.clone(),
        checked: stored.checked,
        base_url: stored.base_url.clone(),
        priority: stored.priority,
        enabled: key.enabled,
        monthly_budget_usd: stored.monthly_budget_micros.map(MicroDollars::as_usd),
        spent_this_month_usd: spent.cost.as_usd(),
        calls_this_month: spent.calls,
        last_refused: key
            .last_refused
            .as_ref()
            .map(|refused| RefusalView { status: refused.status, at: refused.at }),
        created_at: stored.at,
        rotated_at: key.rotated_at,
    })
}

/// The place of a key among others: with its owner's, in the order in which they are tried.
pub(super) fn place(key: &ApiKey) -> String {
    let place = |stored: &StoredKey| format!("{} {:010} {}", stored.owner, stored.priority, stored.key);
    key.stored().map(place).unwrap_or_default()
}
