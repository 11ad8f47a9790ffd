//! API keys: stored once, shown never again.

mod fields;
mod view;

use self::fields::{base_url, last_four, priority};
use self::view::{KeyView, place, view};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use runner_actors::NewKey;
use runner_core::ids::ApiKeyId;
use runner_core::log::Appended;
use runner_core::people::principal::{Permission, Principal, Reach};
use runner_core::setup::api_key::KeyChange;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, not_found};
use crate::request::body::Nothing;
use crate::request::field::{monthly_budget, present, whole};
use crate::request::name::name;
use crate::request::paging::{Order, PageQuery};
use crate::request::public_address::network;
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

/// A key to be stored. Its value is sealed at once and never shown again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    /// Each of one's keys has another one.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Its value: 10 to 1024 visible ASCII characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    key: SecretString,
    /// The API where the key is valid, if not the one that this server asks. Anything but a public https
    /// address is for admins.
    #[schema(max_length = 2048)]
    base_url: Option<String>,
    /// Keys are tried in this order, the smallest first; 0 if absent.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 1000000)]
    priority: Option<u32>,
    /// The limit of spending with it in a calendar month, in US dollars; none if absent.
    #[schema(minimum = 0, maximum = 1000000000)]
    monthly_budget_usd: Option<f64>,
}

/// Fields to set anew; absent ones stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 1000000)]
    priority: Option<u32>,
    /// `null` is no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1000000000)]
    monthly_budget_usd: Option<Option<f64>>,
}

/// The new value of a key.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateBody {
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    key: SecretString,
}

#[derive(Serialize, utoipa::ToSchema)]
struct KeyPage {
    api_keys: Vec<KeyView>,
    next_cursor: Option<String>,
}

/// Stores a key, after asking the API whether it accepts it.
#[utoipa::path(
    tag = "api keys",
    request_body = KeyBody,
    responses(
        (status = 201, body = KeyView),
        (status = 400, description = "`key_refused`: the API does not accept it", body = Problem),
        (status = 409, description = "`key_name_taken`, `too_many_keys`", body = Problem),
    )
)]
#[post("/api/api-keys")]
pub(crate) async fn store_key(write: Write<KeyBody>, context: web::Data<Context>) -> Result<Reply, ApiError> {
    let new = new_key(&write.body, &write.caller)?;
    let find =
        async |first: Appended| context.api_keys.find(&write.caller.own(), ApiKeyId(first.stream.0)).await;
    let (key, is_replay) = match write.first {
        Some(first) => (find(first).await?, true),
        None => match context.api_keys.store(&write.caller, new, write.provenance.clone()).await {
            Ok(key) => (key, false),
            // Because the same request came at the same time and was faster?
            Err(refused) => match write.find_first(&context).await? {
                Some(first) => (find(first).await?, true),
                None => return Err(refused.into()),
            },
        },
    };
    let view = view(&context, &key).await?;
    let location = format!("/api/api-keys/{}", view.id);
    Ok(Reply::created_at(location, view).replayed(is_replay))
}

fn new_key(body: &KeyBody, caller: &Principal) -> Result<NewKey, Problem> {
    Ok(NewKey {
        name: name(body.name.clone())?,
        last_four: last_four(&body.key)?,
        value: body.key.clone(),
        base_url: body.base_url.clone().map(|url| base_url(url, caller)).transpose()?,
        network: network(caller),
        priority: priority(body.priority.unwrap_or_default())?,
        monthly_budget: body.monthly_budget_usd.map(monthly_budget).transpose()?,
    })
}

/// One's keys in the order in which they are tried; for admins, all of the team's.
#[utoipa::path(tag = "api keys", params(PageQuery), responses((status = 200, body = KeyPage)))]
#[get("/api/api-keys")]
pub(crate) async fn list_keys(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let keys = context.api_keys.list(&reach(&read.caller)).await?;
    let (keys, next_cursor) = asked.page(keys, Order::Rising, place)?;
    let mut api_keys = vec![];
    for key in keys {
        api_keys.push(view(&context, &key).await?);
    }
    Ok(HttpResponse::Ok().json(KeyPage { api_keys, next_cursor }))
}

/// One key.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    responses((status = 200, body = KeyView), (status = 404, body = Problem))
)]
#[get("/api/api-keys/{id}")]
pub(crate) async fn find_key(
    id: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let key = context.api_keys.find(&reach(&read.caller), key_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(view(&context, &key).await?))
}

/// Enables, disables, renames, orders or limits a key.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    request_body = KeyPatch,
    responses((status = 200, body = KeyView), (status = 404, body = Problem))
)]
#[patch("/api/api-keys/{id}")]
pub(crate) async fn change_key(
    id: web::Path<String>,
    write: Write<KeyPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let patch = write.body;
    let enabled = patch.enabled.map(|on| if on { KeyChange::Enabled } else { KeyChange::Disabled });
    let budget = patch.monthly_budget_usd.map(|usd| usd.map(monthly_budget).transpose()).transpose()?;
    let changes = [
        patch.name.map(name).transpose()?.map(KeyChange::Name),
        enabled,
        patch.priority.map(priority).transpose()?.map(KeyChange::Priority),
        budget.map(KeyChange::MonthlyBudget),
    ];
    let changes = changes.into_iter().flatten().collect();
    let reach = reach(&write.caller);
    let id = key_id(&id)?;
    let key = match write.first {
        Some(_) => context.api_keys.find(&reach, id).await?,
        None => context.api_keys.change(&reach, id, changes, write.provenance).await?,
    };
    Ok(Reply::ok(view(&context, &key).await?))
}

/// Puts a new value in place of the old one, which is destroyed. Running sessions use it from their next
/// call on.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    request_body = RotateBody,
    responses(
        (status = 200, body = KeyView),
        (status = 400, description = "`key_refused`: the API does not accept the new value", body = Problem),
        (status = 404, body = Problem),
    )
)]
#[post("/api/api-keys/{id}/rotate")]
pub(crate) async fn rotate_key(
    id: web::Path<String>,
    write: Write<RotateBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let RotateBody { key: value } = write.body;
    let last_four = last_four(&value)?;
    let reach = reach(&write.caller);
    let id = key_id(&id)?;
    let key = match write.first {
        Some(_) => context.api_keys.find(&reach, id).await?,
        None => context.api_keys.rotate(&reach, id, (value, last_four), write.provenance).await?,
    };
    Ok(Reply::ok(view(&context, &key).await?))
}

/// Destroys a key's value. What was spent with it stays in the log.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/api-keys/{id}")]
pub(crate) async fn remove_key(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let id = key_id(&id)?;
    if write.first.is_none() {
        context.api_keys.remove(&reach(&write.caller), id, write.provenance).await?;
    }
    Ok(Reply::gone())
}

/// Keys of others are for administrators, and for tokens that may administer.
fn reach(caller: &Principal) -> Reach {
    caller.reach_with(Permission::Administer)
}

fn key_id(text: &str) -> Result<ApiKeyId, Problem> {
    text.parse().map_err(|_| not_found())
}
