//! The HTTP side: the paths, their limits, and answers in the API's form.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::{
    HeaderMap, Method, Request as HttpRequest, Response, StatusCode,
    body::{Body, Frame},
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    playback::Playback,
    reply::{HttpError, Reply},
    request::Request,
    stream::Call,
};
use crate::loopback::ResponseBody;

const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// Bodies in memory at a time; the others wait.
const MAX_BODIES: usize = 8;

/// The state that all connections share.
#[derive(Debug)]
pub(super) struct Routes {
    playback: Playback,
    bodies: Semaphore,
    /// The only key that is let in; without one, every request is.
    key: RwLock<Option<String>>,
}

impl Routes {
    pub(super) fn new(playback: Playback) -> Self {
        Self { playback, bodies: Semaphore::new(MAX_BODIES), key: RwLock::default() }
    }

    pub(super) fn admit_only(&self, key: &str) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key.to_owned());
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), HttpError> {
        let given = headers.get("x-api-key").and_then(|key| key.to_str().ok());
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        if key.is_none() || key.as_deref() == given {
            return Ok(());
        }
        Err(HttpError::new(401, "invalid x-api-key"))
    }

    /// Answers one request. A failure becomes an answer too.
    pub(super) async fn respond<B>(self: Arc<Self>, request: HttpRequest<B>) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
    {
        let (parts, body) = request.into_parts();
        let answer = match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/") => {
                Ok(json_response(StatusCode::OK, &json!({"status": "ok"})))
            }
            (&Method::POST, "/v1/messages") => self.create_message(&parts.headers, body).await,
            (&Method::POST, "/v1/messages/count_tokens") => self.count_tokens(&parts.headers, body).await,
            (&Method::GET, "/v1/models") => self.list_models(&parts.headers),
            (_, "/" | "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models") => {
                Err(HttpError::new(405, format!("method {} is not allowed here", parts.method)))
            }
            (_, path) => Err(HttpError::new(404, format!("the offline model has no {path}"))),
        };
        let mut response = answer.unwrap_or_else(|error| error_response(&error));
        let request_id = format!("req_offline_{}", Uuid::now_v7().simple());
        if let Ok(request_id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert("request-id", request_id);
        }
        response
    }

    async fn create_message<B>(
        &self,
        headers: &HeaderMap,
        body: B,
    ) -> Result<Response<ResponseBody>, HttpError>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
    {
        self.admit(headers)?;
        let session =
            headers.get("x-claude-code-session-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let (model, streams, reply) = {
            let _permit = self.bodies.acquire().await;
            let request: Request = parse(&read(body).await?)?;
            let reply = self.playback.reply(&request, session);
            (request.model, request.stream, reply)
        };
        let message = match reply {
            Reply::Message(message) => message,
            Reply::Error(error) => {
                tokio::time::sleep(error.delay).await;
                return Err(error);
            }
        };
        tokio::time::sleep(message.delay).await;
        let call = Call::new(model, message);
        if !streams {
            return Ok(json_response(StatusCode::OK, &call.to_json()));
        }

        let frames = call.into_stream().map_ok(Frame::data);
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    fn list_models(&self, headers: &HeaderMap) -> Result<Response<ResponseBody>, HttpError> {
        self.admit(headers)?;
        let model = json!({"type": "model", "id": "offline", "display_name": "Offline model"});
        Ok(json_response(StatusCode::OK, &json!({"data": [model], "has_more": false})))
    }

    async fn count_tokens<B>(&self, headers: &HeaderMap, body: B) -> Result<Response<ResponseBody>, HttpError>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
    {
        self.admit(headers)?;
        let _permit = self.bodies.acquire().await;
        let body = read(body).await?;
        parse::<Request>(&body)?;
        // The usual rule of thumb.
        Ok(json_response(StatusCode::OK, &json!({"input_tokens": body.len().div_ceil(4)})))
    }
}

async fn read<B>(body: B) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(HttpError::new(413, format!("the body is larger than {MAX_BODY_BYTES} bytes")))
        }
        Ok(Err(error)) => Err(HttpError::new(400, format!("the body ended early: {error}"))),
        Err(_) => Err(HttpError::new(408, "the body did not arrive in time")),
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(body)
        .map_err(|error| HttpError::new(400, format!("not a Messages API request: {error}")))
}

fn json_response(status: StatusCode, json: &Value) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(json.to_string())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn error_response(error: &HttpError) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"type": "error", "error": {"type": error.kind, "message": error.message}});
    let mut response = json_response(status, &body);
    if let Some(seconds) = error.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
