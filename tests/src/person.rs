//! Somebody with an account on a server under test, or with a token of one.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::server::{Answer, Server, answer};
use crate::sse::Frames;

/// What everybody chooses here.
pub const PASSWORD: &str = "your-password";

/// Somebody who is logged in.
pub struct Person<'s> {
    pub server: &'s Server,
    pub access: String,
    pub refresh: String,
}

impl<'s> Person<'s> {
    /// Registers somebody; the first one is an admin.
    pub async fn register(server: &'s Server, username: &str) -> Self {
        let body = json!({ "username": username, "password": PASSWORD });
        Self::of(server, server.post("/api/auth/register", &body).await)
    }

    /// Registers the first user of a server that others reach, with the code in its data folder.
    pub async fn register_first(server: &'s Server, username: &str) -> Self {
        let code = std::fs::read_to_string(server.data_dir().join("setup-code")).unwrap();
        let body = json!({ "username": username, "password": PASSWORD, "code": code.trim() });
        Self::of(server, server.post("/api/auth/register", &body).await)
    }

    pub async fn log_in(server: &'s Server, username: &str) -> Self {
        let body = json!({ "username": username, "password": PASSWORD });
        Self::of(server, server.post("/api/auth/login", &body).await)
    }

    /// Whoever was let in by an answer.
    pub fn of(server: &'s Server, admitted: Answer) -> Self {
        assert!(admitted.status.is_success(), "{} {}", admitted.status, admitted.body);
        let token = |name: &str| admitted.body[name].as_str().unwrap().to_owned();
        Self { server, access: token("access_token"), refresh: token("refresh_token") }
    }

    /// Whoever has a token.
    pub fn with(server: &'s Server, token: &str) -> Self {
        Self { server, access: token.to_owned(), refresh: String::new() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.request(method, path).bearer_auth(&self.access)
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Opens a session; returns its id.
    pub async fn open_session(&self) -> String {
        let opened = self.post("/api/sessions", &json!({})).await;
        assert_eq!(opened.status, StatusCode::CREATED, "{}", opened.body);
        opened.body["id"].as_str().unwrap().to_owned()
    }

    /// Opens the stream of a session's events.
    pub async fn stream_events(&self, session: &str) -> Frames {
        let request = self.request(Method::GET, &format!("/api/sessions/{session}/events"));
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Frames::new(response)
    }

    /// The status of a request that everybody may make who is let in.
    pub async fn status(&self) -> StatusCode {
        self.get("/api/auth/me").await.status
    }
}
