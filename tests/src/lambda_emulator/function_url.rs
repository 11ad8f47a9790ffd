//! The two formats at a Function URL with response streaming: the event that a request becomes, and the head
//! of the response.

use anyhow::{Context as _, Result, ensure};
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    header::{COOKIE, HOST, HeaderName, SET_COOKIE},
};
use serde_json::{Value, json};

use super::{DOMAIN, now};

/// Stands between the head of a streamed response and its body.
const PRELUDE_END: [u8; 8] = [0; 8];
const CLIENT_ADDRESS: &str = "192.0.2.1";

/// The event of a Function URL: API Gateway's payload format 2.0.
pub(super) fn event(request: Request<Bytes>, request_id: &str) -> Result<Value> {
    let (parts, body) = request.into_parts();
    let mut headers =
        json!({ "x-forwarded-for": CLIENT_ADDRESS, "x-forwarded-port": "443", "x-forwarded-proto": "https" });
    headers[HOST.as_str()] = json!(DOMAIN);
    let mut cookies = Vec::new();
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter().map(|value| value.to_str());
        let values = values.collect::<Result<Vec<_>, _>>()?;
        if name == COOKIE {
            cookies = values.iter().flat_map(|value| value.split("; ")).collect();
        } else {
            headers[name.as_str()] = json!(values.join(","));
        }
    }
    let (text, is_base64_encoded) = match std::str::from_utf8(&body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (base64(&body), true),
    };
    Ok(json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.uri.path(),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "cookies": cookies,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "emulated",
            "domainName": DOMAIN,
            "domainPrefix": "emulated",
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT_ADDRESS,
                "userAgent": headers["user-agent"],
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": u64::try_from(now().as_millis())?,
        },
        "body": text,
        "isBase64Encoded": is_base64_encoded,
    }))
}

/// Reads the head of a streamed response, and what of the body came with it.
pub(super) async fn read_prelude(
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<(StatusCode, HeaderMap, Bytes)> {
    let mode = headers.get("lambda-runtime-function-response-mode");
    ensure!(mode.is_some_and(|mode| mode == "streaming"), "the function did not stream its response");
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(PRELUDE_END.len()).position(|window| window == PRELUDE_END) {
            break end;
        }
        let frame = body.frame().await.context("the response ended before its body")??;
        received.extend_from_slice(frame.data_ref().context("the response ended before its body")?);
    };
    let start_of_body = Bytes::from(received.split_off(end + PRELUDE_END.len()));
    let prelude: Value = serde_json::from_slice(&received[..end]).context("the prelude is not JSON")?;
    let status: u16 = prelude["statusCode"].as_u64().context("the prelude has no status")?.try_into()?;
    Ok((StatusCode::from_u16(status)?, prelude_headers(&prelude)?, start_of_body))
}

fn prelude_headers(prelude: &Value) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, values) in prelude["headers"].as_object().into_iter().flatten() {
        // A header that occurs once is a string, others are a list.
        for value in values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice) {
            let value = value.as_str().with_context(|| format!("{name} is not text"))?;
            headers.append(HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
        }
    }
    for cookie in prelude["cookies"].as_array().into_iter().flatten() {
        headers.append(SET_COOKIE, cookie.as_str().context("a cookie is not text")?.parse()?);
    }
    Ok(headers)
}

/// Standard Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = bits >> (18 - 6 * position) & 0x3f;
            text.push(if position > group.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    text
}
