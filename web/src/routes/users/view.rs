//! A person with what they have spent.

use runner_core::people::account::view::UserView;
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::ApiError;

/// A person, and what they have spent.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PersonView {
    #[serde(flatten)]
    pub(super) user: UserView,
    /// In this calendar month of UTC, by all their sessions and keys.
    spent_this_month_usd: f64,
    /// When that begins at zero again.
    #[schema(value_type = String, format = DateTime)]
    spend_resets_at: Timestamp,
}

pub(crate) async fn person(context: &Context, user: UserView) -> Result<PersonView, ApiError> {
    let spent = context.spending.this_month(&user.tenant, &user.username).await;
    let spent = spent.map_err(runner_actors::RunnerError::from)?;
    let (spent_this_month_usd, spend_resets_at) = (spent.cost.as_usd(), spent.resets_at);
    Ok(PersonView { user, spent_this_month_usd, spend_resets_at })
}
