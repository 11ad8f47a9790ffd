//! What holds for every operation of the API and is therefore said once, over its finished document.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};

/// The writes under which no key is taken.
const WITHOUT_KEY: &[&str] =
    &["/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout", "/api/auth/password"];

const NO_KEY: &str =
    "Takes no `Idempotency-Key`: what it answers may hold secrets, which are not kept for a retry.";

/// Adds the problems that any operation may answer, and the key under which writes are done once.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if !path.starts_with("/api/") {
            continue;
        }
        let takes_key = !WITHOUT_KEY.contains(&path.as_str());
        item.get.iter_mut().for_each(add_problem);
        let PathItem { post, put, patch, delete, .. } = item;
        for write in [post, put, patch, delete].into_iter().flatten() {
            add_problem(write);
            if takes_key { add_key(write) } else { add_refusal(write) }
        }
    }
}

fn add_problem(operation: &mut Operation) {
    operation.responses.responses.insert("default".to_owned(), RefOr::T(any_problem()));
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
        .description(Some("Visible ASCII. A retry with the same key and body does nothing twice."))
        .schema(Some(key))
        .build()
}

fn any_problem() -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description("The request was not carried out; `code` says why")
        .content("application/problem+json", problem)
        .build()
}
