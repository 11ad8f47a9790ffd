//! API keys: stored once, shown never again.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use runner_actors::NewKey;
use runner_core::ids::ApiKeyId;
use runner_core::log::Appended;
use runner_core::money::MicroDollars;
use runner_core::people::confusable_names::is_legible;
use runner_core::people::principal::{Permission, Principal, Reach};
use runner_core::setup::api_key::event::StoredKey;
use runner_core::setup::api_key::{ApiKey, KeyChange, Network};
use runner_core::time::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::access::Caller;
use crate::error::{ApiError, Problem, not_found};
use crate::request::field::{monthly_budget, present};
use crate::request::paging::{Order, PageQuery};
use crate::request::retry::{gone, mark_replay};
use crate::request::{Write, no_query, parse, query};

const MAX_NAME_CHARS: usize = 100;
const MAX_KEY_BYTES: usize = 1024;
/// Less of it would say too much by its last four characters.
const MIN_KEY_BYTES: usize = 10;
const MAX_URL_BYTES: usize = 2048;
const MAX_PRIORITY: u32 = 1_000_000;

/// A key to be stored. Its value is sealed at once and never shown again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    /// Each of one's keys has another one.
    name: String,
    /// Its value: 10 to 1024 visible ASCII characters.
    #[schema(value_type = String, format = Password)]
    key: SecretString,
    /// Where it is valid, if that is not the API that this server asks. Anything but a public https address
    /// is for admins.
    base_url: Option<String>,
    /// Keys are tried in this order, the smallest first; 0 if absent.
    priority: Option<u32>,
    /// What may be spent with it in a calendar month, in US dollars; no limit if absent.
    monthly_budget_usd: Option<f64>,
}

/// What to set anew; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyPatch {
    name: Option<String>,
    enabled: Option<bool>,
    priority: Option<u32>,
    /// `null` is no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>)]
    monthly_budget_usd: Option<Option<f64>>,
}

/// The new value of a key.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateBody {
    #[schema(value_type = String, format = Password)]
    key: SecretString,
}

/// A stored key as it may be seen.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct KeyView {
    id: ApiKeyId,
    name: String,
    owner: String,
    last_four: String,
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

#[derive(Serialize, utoipa::ToSchema)]
struct KeyPage {
    api_keys: Vec<KeyView>,
    next_cursor: Option<String>,
}

/// Stores a key.
#[utoipa::path(
    tag = "api keys",
    request_body = KeyBody,
    responses(
        (status = 201, body = KeyView),
        (status = 409, description = "`key_name_taken`, `too_many_keys`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/api-keys")]
pub(crate) async fn store_key(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let body: KeyBody = parse(write.fields()?)?;
    let last_four = last_four(&body.key)?;
    let new = NewKey {
        name: name(body.name)?,
        last_four,
        value: body.key,
        base_url: body.base_url.map(|url| base_url(url, &write.caller)).transpose()?,
        network: network(&write.caller),
        priority: priority(body.priority.unwrap_or_default())?,
        monthly_budget: body.monthly_budget_usd.map(monthly_budget).transpose()?,
    };
    let (key, replayed) = stored_once(new, &write, &context).await?;
    let view = view(&context, &key).await?;
    let location = format!("/api/api-keys/{}", view.id);
    let mut response = HttpResponse::Created().insert_header((LOCATION, location)).json(view);
    mark_replay(&mut response, replayed);
    Ok(response)
}

/// Stores a key, or finds the one that the same request stored before.
async fn stored_once(new: NewKey, write: &Write, context: &Context) -> Result<(ApiKey, bool), ApiError> {
    let find = async |first: Appended| {
        Ok((context.api_keys.find(&write.caller.own(), ApiKeyId(first.stream.0)).await?, true))
    };
    if let Some(first) = write.first(context).await? {
        return find(first).await;
    }
    match context.api_keys.store(&write.caller, new, write.provenance.clone()).await {
        Ok(key) => Ok((key, false)),
        // Because the same request came at the same time and was faster?
        Err(refused) => match write.first(context).await? {
            Some(first) => find(first).await,
            None => Err(refused.into()),
        },
    }
}

/// One's keys in the order in which they are tried; for admins, all of the team's.
#[utoipa::path(tag = "api keys", params(PageQuery), responses((status = 200, body = KeyPage)))]
#[get("/api/api-keys")]
pub(crate) async fn list_keys(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PageQuery = query(&request)?;
    let keys = context.api_keys.list(&reach(&caller.0)).await?;
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
    responses((status = 200, body = KeyView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[get("/api/api-keys/{id}")]
pub(crate) async fn find_key(
    id: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let key = context.api_keys.find(&reach(&caller.0), key_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(view(&context, &key).await?))
}

/// Enables, disables, renames, orders or limits a key.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    request_body = KeyPatch,
    responses((status = 200, body = KeyView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[patch("/api/api-keys/{id}")]
pub(crate) async fn change_key(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let patch: KeyPatch = parse(write.fields()?)?;
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
    let (first, id) = (write.first(&context).await?, key_id(&id)?);
    let key = match first {
        Some(_) => context.api_keys.find(&reach, id).await?,
        None => context.api_keys.change(&reach, id, changes, write.provenance).await?,
    };
    let mut response = HttpResponse::Ok().json(view(&context, &key).await?);
    mark_replay(&mut response, first.is_some());
    Ok(response)
}

/// Puts a new value in place of the old one, which is destroyed. Running sessions use it from their next
/// call on.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    request_body = RotateBody,
    responses((status = 200, body = KeyView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[post("/api/api-keys/{id}/rotate")]
pub(crate) async fn rotate_key(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let RotateBody { key: value } = parse(write.fields()?)?;
    let last_four = last_four(&value)?;
    let reach = reach(&write.caller);
    let (first, id) = (write.first(&context).await?, key_id(&id)?);
    let key = match first {
        Some(_) => context.api_keys.find(&reach, id).await?,
        None => context.api_keys.rotate(&reach, id, (value, last_four), write.provenance).await?,
    };
    let mut response = HttpResponse::Ok().json(view(&context, &key).await?);
    mark_replay(&mut response, first.is_some());
    Ok(response)
}

/// Destroys a key's value. What was spent with it stays in the log.
#[utoipa::path(
    tag = "api keys",
    params(("id" = ApiKeyId, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[delete("/api/api-keys/{id}")]
pub(crate) async fn remove_key(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let (first, id) = (write.first(&context).await?, key_id(&id)?);
    if first.is_none() {
        context.api_keys.remove(&reach(&write.caller), id, write.provenance).await?;
    }
    Ok(gone(first))
}

/// Keys of others are for administrators, and for tokens that may administer.
fn reach(caller: &Principal) -> Reach {
    caller.reach_with(Permission::Administer)
}

async fn view(context: &Context, key: &ApiKey) -> Result<KeyView, ApiError> {
    let stored = key.stored().ok_or_else(not_found)?;
    let spent = context.api_keys.spent_this_month(stored.key).await?;
    Ok(KeyView {
        id: stored.key,
        name: stored.name.clone(),
        owner: stored.owner.clone(),
        last_four: stored.last_four.clone(),
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

/// Where a key stands among others: with its owner's, in the order in which they are tried.
fn place(key: &ApiKey) -> String {
    let place = |stored: &StoredKey| format!("{} {:010} {}", stored.owner, stored.priority, stored.key);
    key.stored().map(place).unwrap_or_default()
}

fn key_id(text: &str) -> Result<ApiKeyId, Problem> {
    text.parse().map_err(|_| not_found())
}

fn name(text: String) -> Result<String, Problem> {
    let is_plain = is_legible(&text) && text.trim() == text;
    if is_plain && (1..=MAX_NAME_CHARS).contains(&text.chars().count()) {
        return Ok(text);
    }
    let detail = format!(
        "must have 1 to {MAX_NAME_CHARS} visible characters, no outer spaces, and each word in one script"
    );
    Err(Problem::field("field_invalid", "/name", detail))
}

fn last_four(value: &SecretString) -> Result<String, Problem> {
    use secrecy::ExposeSecret as _;
    let text = value.expose_secret();
    if (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Ok(text[text.len() - 4..].to_owned());
    }
    // The value is not repeated: it may be a key with a slip of the finger.
    let detail = format!("must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES} visible ASCII characters");
    Err(Problem::field("field_invalid", "/key", detail))
}

fn priority(number: u32) -> Result<u32, Problem> {
    match number {
        0..=MAX_PRIORITY => Ok(number),
        _ => Err(Problem::field("field_invalid", "/priority", format!("must be at most {MAX_PRIORITY}"))),
    }
}

/// The server asks this address by itself, so only admins may send it into its own network.
fn base_url(text: String, caller: &Principal) -> Result<String, Problem> {
    let invalid = |detail: &str| Problem::field("field_invalid", "/base_url", detail);
    let url = url::Url::parse(&text).map_err(|_| invalid("is not an address"))?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_more || text.len() > MAX_URL_BYTES {
        return Err(invalid("must be an http or https address without user, query and fragment"));
    }
    if is_public(&url) || network(caller) == Network::Any {
        return Ok(text);
    }
    let detail = "only admins may store a key for an address that is not public, https and on its usual port";
    Err(Problem::field("base_url_not_allowed", "/base_url", detail).with_status(StatusCode::FORBIDDEN))
}

/// Where the keys of a person may lead. What a name of a member's means is looked at again when it is asked.
fn network(caller: &Principal) -> Network {
    if caller.may(Permission::Administer) { Network::Any } else { Network::Public }
}

/// As far as the text tells.
fn is_public(url: &url::Url) -> bool {
    const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "localdomain", "lan", "home.arpa"];
    let Some(url::Host::Domain(name)) = url.host() else { return false };
    let is_private = PRIVATE
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    let is_whole = name.contains('.') && !name.ends_with('.');
    url.scheme() == "https" && url.port_or_known_default() == Some(443) && is_whole && !is_private
}
