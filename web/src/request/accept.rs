//! What kind of answer a client asks for.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header as _, Quality};

/// Whether the client names a kind of answer, and wants it at least as much as JSON.
pub(crate) fn prefers(request: &HttpRequest, kind: &str) -> bool {
    let Ok(accept) = Accept::parse(request) else { return false };
    let quality = |wanted: &str| {
        let named = accept.iter().filter(|kind| kind.item.essence_str() == wanted);
        named.map(|kind| kind.quality).max()
    };
    let page = quality("application/json").unwrap_or(Quality::ZERO);
    quality(kind).is_some_and(|wanted| wanted > Quality::ZERO && wanted >= page)
}
