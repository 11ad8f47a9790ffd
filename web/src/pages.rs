//! The pages that are built into the program: the web UI, Swagger UI, ReDoc.
//!
//! The build of the UI puts a compressed twin, `.br` and `.gz`, beside each file that is worth it, so nothing
//! is compressed here. Paths that only the UI's router knows answer with its start page.

mod encoding;
mod problems;

use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use self::encoding::Encoding;
use crate::http::error::{ApiError, Problem};

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Files;

const START_PAGE: &str = "index.html";

/// Names of files with their content's hash in them, which therefore never change.
const HASHED: &str = "assets/";

/// Routes of pages; they are not part of the API and of its document.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/docs", web::get().to(async |request: HttpRequest| docs(&request)))
        .route("/redoc", web::get().to(async |request: HttpRequest| file(&request, "redoc.html")));
}

/// The page or the file under a path that no route has, if there is one.
pub(crate) fn find(request: &HttpRequest) -> Option<HttpResponse> {
    let path = request.path().strip_prefix('/')?;
    if *request.method() != Method::GET || path.starts_with("api/") {
        return None;
    }
    let is_twin = Encoding::ALL.iter().any(|encoding| path.ends_with(encoding.suffix()));
    if !path.is_empty() && !is_twin && Files::get(path).is_some() {
        return file(request, path).ok();
    }
    let is_of_router = !path.starts_with(HASHED) && !path.rsplit('/').next()?.contains('.');
    let is_start = path.is_empty() || (is_of_router && text(request, ACCEPT).contains("text/html"));
    if is_start { file(request, START_PAGE).ok() } else { None }
}

/// Swagger UI with the list of problems below, to which each problem's `type` leads.
fn docs(request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    let file = load("docs.html")?;
    let page = problems::with_list(&String::from_utf8_lossy(&file.data)).into_bytes();
    let etag = etag(&Sha256::digest(&page), None);
    Ok(answer(request, (file.metadata.mimetype(), page), etag))
}

/// A file as it is sent to whoever asks: compressed, if they can read that.
fn file(request: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let plain = load(path)?;
    let mime = plain.metadata.mimetype().to_owned();
    let accepted = text(request, ACCEPT_ENCODING);
    let mut encodings = Encoding::ALL.into_iter().filter(|encoding| encoding.is_in(accepted));
    let twin = encodings
        .find_map(|encoding| Some((Some(encoding), Files::get(&format!("{path}{}", encoding.suffix()))?)));
    let (encoding, file) = twin.unwrap_or((None, plain));
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let etag = etag(&file.metadata.sha256_hash(), encoding);
    let mut response = answer(request, (&mime, file.data.into_owned()), etag);
    let mut set = |name, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    set(CACHE_CONTROL, cache);
    if let Some(encoding) = encoding {
        set(CONTENT_ENCODING, encoding.name());
    }
    Ok(response)
}

fn load(path: &str) -> Result<EmbeddedFile, ApiError> {
    Files::get(path).ok_or_else(|| {
        let detail = "there is no such page; `make ui` builds the pages";
        Problem::new(StatusCode::NOT_FOUND, "page_not_found", detail).into()
    })
}

fn etag(hash: &[u8], encoding: Option<Encoding>) -> String {
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}{}\"", encoding.map(Encoding::suffix).unwrap_or_default())
}

/// A body with its type, or that it is the one that the client has.
fn answer(request: &HttpRequest, (mime, body): (&str, Vec<u8>), etag: String) -> HttpResponse {
    let mut known = text(request, IF_NONE_MATCH).split(',').map(str::trim);
    let is_known = known.any(|known| known == etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag)).insert_header((VARY, "Accept-Encoding"));
    response.insert_header((CACHE_CONTROL, "no-cache"));
    if is_known {
        return response.finish();
    }
    let charset = if mime.starts_with("text/") { "; charset=utf-8" } else { "" };
    response.insert_header((CONTENT_TYPE, format!("{mime}{charset}")));
    response.body(body)
}

fn text(request: &HttpRequest, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
