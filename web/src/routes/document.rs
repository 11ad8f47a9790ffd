//! Rules of every operation of the API, said once, over its finished document.

mod one_object;
mod variants;

use actix_web::http::StatusCode;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Components, Schema, Type};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};

/// The writes under which no key is taken.
const WITHOUT_KEY: &[&str] = &[
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/auth/logout",
    "/api/auth/password",
    "/api/auth/password-reset",
];

const NO_KEY: &str =
    "Takes no `Idempotency-Key`: what it answers may hold secrets, which are not kept for a retry.";

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// Adds the problems that any operation may answer and the key under which writes are done once, says what
/// each answer is, and makes each type that is put together from others one object.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    variants::name_variants(components, &[("StoredEvent", "Event"), ("Frame", "Frame")]);
    one_object::join_parts(components);
    for (path, item) in &mut document.paths.paths {
        let is_api = path.starts_with("/api/");
        let takes_key = !WITHOUT_KEY.contains(&path.as_str());
        let PathItem { get, post, put, patch, delete, .. } = item;
        if let Some(read) = get {
            complete_operation(read, components, is_api);
        }
        for write in [post, put, patch, delete].into_iter().flatten() {
            complete_operation(write, components, is_api);
            if takes_key { add_key(write) } else { add_refusal(write) }
        }
    }
    variants::drop_unnamed(document);
}

fn complete_operation(operation: &mut Operation, components: &Components, is_api: bool) {
    if is_api {
        operation.responses.responses.insert("default".to_owned(), RefOr::T(any_problem()));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            say_what_it_is(response, status);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        let mut schemas = body.content.values().filter_map(content_schema);
        let is_needed = schemas.any(|schema| has_required_fields(schema, components));
        body.required = Some(if is_needed { Required::True } else { Required::False });
    }
}

fn content_schema(content: &RefOr<utoipa::openapi::Content>) -> Option<&RefOr<Schema>> {
    match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    }
}

/// An absent body is one without fields.
fn has_required_fields(schema: &RefOr<Schema>, components: &Components) -> bool {
    match one_object::resolve(schema, components) {
        Some(Schema::Object(object)) => !object.required.is_empty(),
        Some(Schema::Array(_) | Schema::OneOf(_) | Schema::AllOf(_) | Schema::AnyOf(_) | _) | None => true,
    }
}

/// Problems have a media type of their own, and each response a description.
fn say_what_it_is(response: &mut Response, status: &str) {
    let is_problem = |content: &RefOr<utoipa::openapi::Content>| {
        let schema = content_schema(content);
        matches!(schema, Some(RefOr::Ref(named)) if named.ref_location.ends_with("/Problem"))
    };
    if response.content.get(JSON).is_some_and(is_problem)
        && let Some(problem) = response.content.shift_remove(JSON)
    {
        response.content.insert(PROBLEM_JSON.to_owned(), problem);
    }
    if response.description.is_empty() {
        response.description = description(status).to_owned();
    }
}

fn description(status: &str) -> &'static str {
    match status {
        "200" => "Done",
        "201" => "Created",
        "202" => "Accepted; it goes on",
        "400" => "The request cannot be understood; `errors` says where",
        "404" => "There is no such thing, or it belongs to somebody else",
        "4XX" => "The request was refused",
        "503" => "Not now",
        _ => {
            let status = status.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
            status.and_then(|status| status.canonical_reason()).unwrap_or("The answer")
        }
    }
}

fn add_key(write: &mut Operation) {
    write.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
}

fn add_refusal(write: &mut Operation) {
    let description = write.description.take().map_or_else(String::new, |text| format!("{text}\n\n"));
    write.description = Some(format!("{description}{NO_KEY}"));
}

fn idempotency_key() -> Parameter {
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Visible ASCII, good for 24 hours. A retry with the same key and body gets the first answer and does nothing twice; a failure (5xx) is not kept: the retry does it anew if nothing was begun."))
        .schema(Some(key))
        .build()
}

fn any_problem() -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description("The request was not carried out; `code` says why")
        .content(PROBLEM_JSON, problem)
        .build()
}
