//! The API's document: what is committed is what the routes say, and the server serves it.

use runner_tests::server::Server;

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let committed = std::fs::read_to_string(runner_tests::root().join("web/openapi.json")).unwrap();
    let server = Server::start().await;

    let served = server.get("/openapi.json").await.body;

    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert!(served == committed, "web/openapi.json is stale: run `make openapi`");
}

#[test]
fn every_operation_has_a_summary_and_an_id() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(
                operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()),
                "{method} {path}"
            );
        }
    }
}
