//! The pages that are built into the program: start page, Swagger UI, ReDoc.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;

use crate::http::error::{ApiError, Problem};

#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Files;

/// Routes of pages; they are not part of the API and of its document.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(async |request: HttpRequest| file(&request, "index.html")))
        .route("/docs", web::get().to(async |request: HttpRequest| file(&request, "docs.html")))
        .route("/redoc", web::get().to(async |request: HttpRequest| file(&request, "redoc.html")))
        .route(
            "/assets/{name}",
            web::get().to(async |request: HttpRequest, name: web::Path<String>| {
                file(&request, &format!("assets/{name}"))
            }),
        );
}

fn file(request: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let Some(file) = Files::get(path) else {
        let detail = "there is no such page; `make ui` builds the pages";
        return Err(Problem::new(actix_web::http::StatusCode::NOT_FOUND, "page_not_found", detail).into());
    };
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag)).insert_header((CACHE_CONTROL, "no-cache"));
    if known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, file.metadata.mimetype()));
    Ok(response.body(file.data.into_owned()))
}
