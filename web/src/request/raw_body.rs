//! Bodies that are a file as it is: `curl --data-binary @skill.zip`. They are read like a JSON body with
//! that one field.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::body::Fields;
use crate::http::error::Problem;

/// The field that a body of a type is on a path; absent where bodies are JSON.
///
/// No page of another site can send a body of these types without being asked first.
pub(crate) fn field(path: &str, media_type: &str) -> Option<&'static str> {
    let is_import = path == "/api/skills/import";
    let is_plugin =
        path.strip_prefix("/api/plugins").is_some_and(|rest| matches!(rest.matches('/').count(), 0 | 1));
    match media_type.trim().to_ascii_lowercase().as_str() {
        "application/zip" | "application/gzip" | "application/x-gzip" if is_import || is_plugin => {
            Some("archive")
        }
        "text/markdown" if is_import => Some("skill_md"),
        _ => None,
    }
}

/// The fields of a body that is a file; absent where it is JSON.
pub(super) fn fields(request: &HttpRequest, body: &[u8]) -> Result<Option<Fields>, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let Some(field) = field(request.path(), essence) else { return Ok(None) };
    let value = match field {
        "archive" => STANDARD.encode(body),
        _ => {
            let text = std::str::from_utf8(body);
            text.map_err(|_| Problem::field("field_invalid", &format!("/{field}"), "is not UTF-8"))?
                .to_owned()
        }
    };
    Ok(Some(Fields::from_iter([(field.to_owned(), Value::String(value))])))
}
