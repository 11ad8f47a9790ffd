//! From a Lambda request to the actix-web service and back.
//!
//! Lambda's handlers are `Send` and actix's services are not. So the service lives in a task of the thread's
//! `LocalSet`, and a handler sends it the request together with a channel for the answer. The two sides also
//! stand on different major versions of the `http` crate, hence the conversions, which change nothing.

use std::{
    fmt,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::pin,
    rc::Rc,
    time::Duration,
};

use actix_http::{Payload, Request};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{AppConfig, ServiceResponse},
    http::{Method, Uri, header},
};
use anyhow::anyhow;
use bytes::Bytes;
use lambda_http::{
    RequestExt as _, aws_lambda_events::apigw::ApiGatewayProxyRequestContext, request::RequestContext,
};
use lambda_runtime::{
    Diagnostic,
    streaming::{Body, Sender, channel},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

type LambdaResponse = http::Response<Body>;

/// Lambda gives a process one invocation at a time.
const MAX_WAITING_CALLS: usize = 1;

/// The last words of an event stream that cannot go on. Not a stream error: the runtime would write that one
/// into the body, as text.
const BROKEN_STREAM: &[u8] =
    b"event: error\ndata: {\"detail\":\"the stream broke off; reconnect to go on\"}\n\n";

/// How long before the end of its invocation an event stream ends by itself: time enough to say so.
const BEFORE_DEADLINE: Duration = Duration::from_secs(2);

/// The last words of an event stream whose invocation is nearly over: the client should come back at once.
const TIME_IS_UP: &[u8] = b"retry: 1000\n";

/// The way to the actix-web service from any task; the service ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    calls: mpsc::Sender<Call>,
}

#[derive(Debug)]
struct Call {
    request: lambda_http::Request,
    answer: oneshot::Sender<Result<LambdaResponse, BridgeError>>,
}

/// Why an invocation has no answer. Lambda reports it as the function's error, and its caller sees a 502.
#[derive(Debug)]
pub(crate) enum BridgeError {
    /// A part of the request or of the response that only one of the two sides can express.
    Untranslatable(String),
    /// The handler of the route panicked; the next invocation is served as usual.
    HandlerPanicked,
    /// The service's task is gone.
    ServiceStopped,
}

impl Bridge {
    /// Builds the service out of its routes and starts its task; needs a running actix `System`.
    pub(crate) async fn start<R, F, B>(routes: R) -> anyhow::Result<Self>
    where
        R: IntoServiceFactory<F, Request>,
        F: ServiceFactory<
                Request,
                Config = AppConfig,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            >,
        F::Service: 'static,
        B: MessageBody + 'static,
    {
        let service = routes.into_factory().new_service(AppConfig::default()).await;
        let service = Rc::new(service.map_err(|()| anyhow!("failed to start the routes"))?);
        let (calls, mut waiting) = mpsc::channel::<Call>(MAX_WAITING_CALLS);
        actix_rt::spawn(async move {
            while let Some(call) = waiting.recv().await {
                // A task of its own: a panic ends this request and nothing else.
                actix_rt::spawn(answer(Rc::clone(&service), call));
            }
        });
        Ok(Self { calls })
    }

    /// Runs one request through the routes. Resolves with the head; the body follows as it is produced.
    pub(crate) async fn call(&self, request: lambda_http::Request) -> Result<LambdaResponse, BridgeError> {
        let (answer, response) = oneshot::channel();
        self.calls.send(Call { request, answer }).await.map_err(|_| BridgeError::ServiceStopped)?;
        response.await.map_err(|_| BridgeError::HandlerPanicked)?
    }
}

async fn answer<S, B>(service: Rc<S>, call: Call)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let end = end_of_streams(&call.request);
    let response = match to_actix_request(call.request) {
        Ok(request) => respond(&*service, request, end).await,
        Err(error) => Err(error),
    };
    if call.answer.send(response).is_err() {
        tracing::warn!("an invocation ended before its response began");
    }
}

/// When an event stream must have ended, for Lambda to see a whole answer.
fn end_of_streams(request: &lambda_http::Request) -> Option<Instant> {
    // The error of `elapsed` is the time that is left.
    let left = request.lambda_context_ref()?.deadline().elapsed().err()?.duration();
    Some(Instant::now() + left.saturating_sub(BEFORE_DEADLINE))
}

async fn respond<S, B>(
    service: &S,
    request: Request,
    end: Option<Instant>,
) -> Result<LambdaResponse, BridgeError>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let is_head = request.method() == Method::HEAD;
    let result = match poll_fn(|context| service.poll_ready(context)).await {
        Ok(()) => service.call(request).await,
        Err(error) => Err(error),
    };
    let response = match result {
        Ok(response) => HttpResponse::from(response).map_into_boxed_body(),
        Err(error) => HttpResponse::from_error(error),
    };
    let (head, body) = response.into_parts();
    let (sender, receiver) = channel();
    let response = to_lambda_response(&head, receiver)?;
    if !is_head {
        match is_event_stream(&head) {
            true => actix_rt::spawn(pump(body, sender, Ending { at: end, broken: BROKEN_STREAM })),
            false => actix_rt::spawn(pump(body, sender, Ending { at: None, broken: b"" })),
        };
    }
    Ok(response)
}

/// How a body ends that is not sent whole.
struct Ending {
    /// When it is cut.
    at: Option<Instant>,
    /// The last words of a body that breaks off: only an event stream in plain text has words for it.
    broken: &'static [u8],
}

/// Sends the body as it is produced, no faster than the other side takes it.
async fn pump(body: BoxBody, mut sender: Sender, ending: Ending) {
    let mut body = pin!(body);
    loop {
        let chunk = poll_fn(|context| body.as_mut().poll_next(context));
        let chunk = match ending.at {
            Some(end) => timeout_at(end, chunk).await,
            None => Ok(chunk.await),
        };
        let (chunk, is_last) = match chunk {
            Ok(Some(Ok(chunk))) => (chunk, false),
            Ok(Some(Err(error))) => {
                tracing::error!(?error, "a response broke off");
                (Bytes::from_static(ending.broken), true)
            }
            Ok(None) => return,
            Err(_) => (Bytes::from_static(TIME_IS_UP), true),
        };
        if sender.send_data(chunk).await.is_err() || is_last {
            // Dropping the body tells its producer that nobody reads it any more, as a closed socket does.
            return;
        }
    }
}

fn is_event_stream(head: &HttpResponse<()>) -> bool {
    let content_type = head.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
        && !head.headers().contains_key(header::CONTENT_ENCODING)
}

fn to_actix_request(request: lambda_http::Request) -> Result<Request, BridgeError> {
    let peer_addr = client_address(&request);
    let (parts, body) = request.into_parts();
    let path_and_query = parts.uri.path_and_query().map_or("/", |path_and_query| path_and_query.as_str());

    let mut request = Request::with_payload(Payload::from(Bytes::copy_from_slice(&body)));
    let head = request.head_mut();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).map_err(untranslatable)?;
    head.uri = path_and_query.parse::<Uri>().map_err(untranslatable)?;
    head.peer_addr = peer_addr;
    for (name, value) in &parts.headers {
        let name = header::HeaderName::from_bytes(name.as_ref()).map_err(untranslatable)?;
        head.headers.append(name, header::HeaderValue::from_bytes(value.as_bytes()).map_err(untranslatable)?);
    }
    Ok(request)
}

/// The address that Lambda's front end saw, where the server has the socket's. It does not tell a port.
fn client_address(request: &lambda_http::Request) -> Option<SocketAddr> {
    let source_ip = match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(ApiGatewayProxyRequestContext { identity, .. }) => &identity.source_ip,
        RequestContext::ApiGatewayV2(context) => &context.http.source_ip,
        // A load balancer tells it in a header only.
        RequestContext::Alb(_) | _ => &None,
    };
    let address = source_ip.as_ref()?.parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(address, 0))
}

fn to_lambda_response(head: &HttpResponse<()>, body: Body) -> Result<LambdaResponse, BridgeError> {
    let mut response = http::Response::builder().status(head.status().as_u16());
    for (name, value) in head.headers() {
        response = response.header(name.as_str(), value.as_bytes());
    }
    response.body(body).map_err(untranslatable)
}

fn untranslatable(error: impl fmt::Display) -> BridgeError {
    BridgeError::Untranslatable(error.to_string())
}

impl From<BridgeError> for Diagnostic {
    fn from(error: BridgeError) -> Self {
        let (error_type, error_message) = match error {
            BridgeError::Untranslatable(reason) => ("Untranslatable", reason),
            BridgeError::HandlerPanicked => {
                ("HandlerPanicked", "the handler of the route panicked".to_owned())
            }
            BridgeError::ServiceStopped => ("ServiceStopped", "the service has stopped".to_owned()),
        };
        Self { error_type: error_type.to_owned(), error_message }
    }
}
