//! The pages that are built into the program: start page, Swagger UI, ReDoc.

mod problems;

use std::borrow::Cow;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use crate::http::error::{ApiError, Problem};

#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Files;

/// Routes of pages; they are not part of the API and of its document.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(async |request: HttpRequest| file(&request, "index.html")))
        .route("/docs", web::get().to(async |request: HttpRequest| docs(&request)))
        .route("/redoc", web::get().to(async |request: HttpRequest| file(&request, "redoc.html")))
        .route(
            "/assets/{name}",
            web::get().to(async |request: HttpRequest, name: web::Path<String>| {
                file(&request, &format!("assets/{name}"))
            }),
        );
}

/// Swagger UI with the list of problems below, to which each problem's `type` leads.
fn docs(request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    let file = find("docs.html")?;
    let page = problems::with_list(&String::from_utf8_lossy(&file.data));
    Ok(answer(request, EmbeddedFile { data: Cow::Owned(page.into_bytes()), metadata: file.metadata }))
}

fn file(request: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    Ok(answer(request, find(path)?))
}

fn find(path: &str) -> Result<EmbeddedFile, ApiError> {
    Files::get(path).ok_or_else(|| {
        let detail = "there is no such page; `make ui` builds the pages";
        Problem::new(actix_web::http::StatusCode::NOT_FOUND, "page_not_found", detail).into()
    })
}

fn answer(request: &HttpRequest, file: EmbeddedFile) -> HttpResponse {
    let hash = Sha256::digest(&file.data);
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag)).insert_header((CACHE_CONTROL, "no-cache"));
    if known {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, file.metadata.mimetype()));
    response.body(file.data.into_owned())
}
