//! Without accounts whoever is on the machine is the local user, except for agents: one that could ask its
//! own server for things could allow itself everything.

use reqwest::StatusCode;
use runner_tests::commands::{begin, open, run};
use runner_tests::processes::wait_for_command;
use runner_tests::server::Server;
use serde_json::json;

/// What `curl` gets for requests without a token, one answer for each line.
fn attempts(server: &Server) -> String {
    let json = "-H 'content-type: application/json'";
    let account = r#"{"username":"somebody","password":"long enough for anybody"}"#;
    let [sessions, trust, register] =
        ["/api/sessions", "/api/workspaces/trust", "/api/auth/register"].map(|path| server.url(path));
    format!(
        "ask() {{ curl -s -w ' %{{http_code}}\\n' \"$@\"; }}; \
         ask {sessions}; ask -X POST {json} -d '{{}}' {sessions}; ask -X POST {json} -d '{{\"working_dir\":\".\"}}' {trust}; \
         ask -X POST {json} -d '{account}' {register}; (setsid curl -s -w ' %{{http_code}}' {sessions} > beside) & wait; cat beside"
    )
}

async fn refuses_agents(settings: &[(&str, &str)]) {
    let server = Server::start_with(settings).await;
    let session = open(&server, json!({})).await;

    let told = run(&server, &session, &attempts(&server)).await;

    assert_eq!(told.lines().count(), 5, "{told}");
    for line in told.lines() {
        assert!(line.contains(r#""code":"agent_not_admitted""#) && line.ends_with(" 403"), "{line}");
    }
    // Others are the local user meanwhile, with connections old and new.
    begin(&server, &session, "true; sleep 70050").await;
    wait_for_command(&server.data_dir(), "sleep 70050").await;
    for client in [server.client.clone(), reqwest::Client::builder().no_proxy().build().unwrap()] {
        let answer = client.get(server.url("/api/sessions")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(server.get("/api/users").await.body["users"], json!([]), "nobody has registered");
    assert_eq!(server.get("/api/workspaces/trust").await.body["folders"], json!([]));
}

#[tokio::test]
async fn an_agent_in_a_sandbox_is_not_the_local_user() {
    refuses_agents(&[]).await;
}

#[tokio::test]
async fn an_agent_without_a_sandbox_is_not_the_local_user() {
    refuses_agents(&[("SANDBOX", "off"), ("IS_SANDBOX", "1")]).await;
}
