//! Schedules end to end: made and changed by people, run on demand, on time, and once, whatever dies.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

use crate::projections::rebuild;

const NIGHTLY: &str = "30 2 * * *";

fn body(replies: &Value) -> Value {
    json!({
        "name": "nightly", "prompt": script("Look.", replies), "cron": NIGHTLY,
        "time_zone": "Europe/Helsinki", "permission_mode": "dontAsk",
    })
}

async fn create(server: &Server, body: &Value) -> String {
    let made = server.post("/api/schedules", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("/api/schedules/{}", made.body["id"].as_str().unwrap());
    assert_eq!(made.headers["location"], path.as_str());
    path
}

/// Waits until the newest run of a schedule has a status; returns it.
async fn wait_for_run(server: &Server, schedule: &str, status: &str) -> Value {
    for _ in 0..1400 {
        let runs = server.get(&format!("{schedule}/runs")).await.body;
        if runs["runs"][0]["status"] == status {
            return runs["runs"][0].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no run is {status}: {}", server.get(&format!("{schedule}/runs")).await.body);
}

async fn patch(server: &Server, path: &str, body: &Value) -> Answer {
    answer(server.request(Method::PATCH, path).json(body)).await
}

#[tokio::test]
async fn a_schedule_is_made_changed_restored_and_taken_away() {
    let server = Server::start().await;
    let path = create(&server, &body(&json!([{ "text": "hi" }]))).await;
    let made = server.get(&path).await.body;

    let taken = server.post("/api/schedules", &body(&json!([]))).await;
    let changed =
        patch(&server, &path, &json!({ "cron": "@hourly", "max_turns": 3, "enabled": false })).await;
    let history = server.get(&format!("{path}/history")).await.body;
    let restored = server.post(&format!("{path}/history/1/restore"), &json!({})).await;
    let unknown = server.post(&format!("{path}/history/3/restore"), &json!({})).await;
    let enabled = patch(&server, &path, &json!({ "enabled": true })).await;

    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "schedule_name_taken"));
    assert_eq!((&made["enabled"], &made["concurrency_policy"]), (&json!(true), &json!("skip")));
    let next: Vec<_> = made["next_runs"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
    assert_eq!(next.len(), 5);
    assert!(
        next.iter().all(|at| at.ends_with("T00:30:00.000Z") || at.ends_with("T23:30:00.000Z")),
        "{next:?}"
    );
    assert_eq!((&changed.body["cron"], &changed.body["max_turns"]), (&json!("@hourly"), &json!(3)));
    assert_eq!((&changed.body["enabled"], &changed.body["next_runs"]), (&json!(false), &json!([])));
    let told: Vec<_> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["type"], &change["by"]))
        .collect();
    let types = [json!("schedule_disabled"), json!("schedule_changed"), json!("schedule_created")];
    let by = json!("user:local");
    assert_eq!(told, types.iter().map(|name| (name, &by)).collect::<Vec<_>>());
    assert_eq!((&restored.body["cron"], &restored.body["max_turns"]), (&json!(NIGHTLY), &Value::Null));
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "schedule_version_not_found"));
    assert_eq!(enabled.body["next_runs"].as_array().unwrap().len(), 5);
    let last = server.get(&format!("{path}/history?limit=2")).await.body;
    assert_eq!(
        (&last["changes"][1]["restored_from"], &last["next_cursor"]),
        (&json!(1), &json!("00000000000000000004"))
    );
    assert_eq!(answer(server.request(Method::DELETE, &path)).await.status, StatusCode::NO_CONTENT);
    let gone = server.get(&path).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "schedule_not_found"));
    assert_eq!(server.get("/api/schedules").await.body["schedules"], json!([]));
    create(&server, &body(&json!([{ "text": "hi" }]))).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named() {
    let server = Server::start().await;
    let good = body(&json!([{ "text": "hi" }]));
    let path = create(&server, &good).await;

    for (field, value, status, code) in [
        ("cron", json!("* * * *"), 400, "cron_invalid"),
        ("cron", json!("0 0 9 * * *"), 400, "cron_invalid"),
        ("cron", json!("@reboot"), 400, "cron_invalid"),
        ("cron", json!("61 * * * *"), 400, "cron_invalid"),
        ("cron", json!("0 0 31 2 *"), 400, "cron_invalid"),
        ("cron", json!("*".repeat(300)), 400, "cron_invalid"),
        ("cron", json!(5), 400, "field_invalid"),
        ("time_zone", json!("Mars/Olympus"), 400, "time_zone_unknown"),
        ("time_zone", json!("+02:00"), 400, "time_zone_unknown"),
        ("name", json!(" x"), 400, "field_invalid"),
        ("prompt", json!(" "), 400, "prompt_empty"),
        ("concurrency_policy", json!("Forbid"), 400, "field_invalid"),
        ("working_dir", json!("/etc"), 403, "working_dir_not_allowed"),
        ("working_dir", json!("nowhere"), 400, "working_dir_missing"),
        ("permission_mode", json!("yolo"), 400, "permission_mode_unknown"),
        ("max_turns", json!(0), 400, "field_invalid"),
        ("attachments", json!([]), 400, "field_unknown"),
    ] {
        let mut wrong = good.clone();
        wrong["name"] = json!("other");
        wrong[field] = value.clone();
        for answer in [
            server.post("/api/schedules", &wrong).await,
            patch(&server, &path, &json!({ field: value })).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.body);
            assert_eq!(answer.body["errors"][0]["pointer"], format!("/{field}"), "{}", answer.body);
        }
    }
    let missing = server.post("/api/schedules", &json!({ "name": "x", "prompt": "y" })).await;
    assert_eq!((missing.code(), &missing.body["errors"][0]["pointer"]), ("field_missing", &json!("/cron")));
    let enabled = patch(&server, &path, &json!({ "enabled": "yes" })).await;
    assert_eq!(
        (enabled.code(), &enabled.body["errors"][0]["pointer"]),
        ("field_invalid", &json!("/enabled"))
    );
    assert_eq!(server.get("/api/schedules").await.body["schedules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_on_demand_is_a_session_of_its_own_and_happens_once_under_a_key() {
    let mut server = Server::start().await;
    let path = create(&server, &body(&json!([{ "text": "All is well." }]))).await;
    let run = async || {
        let request = server.request(Method::POST, &format!("{path}/run"));
        answer(request.header("idempotency-key", "now").json(&json!({}))).await
    };

    let first = run().await;
    let again = run().await;
    let ended = wait_for_run(&server, &path, "succeeded").await;

    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    assert_eq!(first.body["session_id"], again.body["session_id"]);
    assert_eq!((first.is_replay(), again.is_replay()), (false, true));
    let session = first.body["session_id"].as_str().unwrap();
    assert!(
        first.headers["location"].to_str().unwrap().starts_with(&format!("/api/sessions/{session}/turns/"))
    );
    assert_eq!((&ended["trigger"], &ended["session_id"]), (&json!("manual"), &json!(session)));
    let view = server.view(session).await;
    assert_eq!((&view["origin"], &view["title"]), (&json!("schedule"), &json!("nightly")));
    assert!(path.ends_with(view["schedule"].as_str().unwrap()), "{view}");
    assert_eq!(view["turns"][0]["result"], "All is well.");
    let actor = &server.events(session).await[0]["actor"];
    assert_eq!(actor, &json!(format!("user:local/schedule:{}", view["schedule"].as_str().unwrap())));
    let schedule = server.get(&path).await.body;
    assert_eq!((&schedule["running"], &schedule["last_run"]["outcome"]), (&Value::Null, &json!("succeeded")));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
    server.stop().await;
    let rebuilt = String::from_utf8(rebuild(&server).await.stderr).unwrap();
    assert!(rebuilt.contains("the read models were right"), "{rebuilt}");
}

#[tokio::test]
async fn a_schedule_whose_runs_fail_is_disabled() {
    let server = Server::start().await;
    let path = create(&server, &body(&json!([{ "error": { "status": 400 } }]))).await;

    for _ in 0..5 {
        let run = server.post(&format!("{path}/run"), &json!({})).await;
        assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.body);
        let failed = wait_for_run(&server, &path, "failed").await;
        assert_eq!(failed["code"], "model_api_error");
    }

    let schedule = server.get(&path).await.body;
    assert_eq!(
        (&schedule["enabled"], &schedule["disabled_reason"]),
        (&json!(false), &json!("repeated_failures"))
    );
    let change = server.get(&format!("{path}/history")).await.body["changes"][0].clone();
    assert_eq!((&change["by"], &change["reason"]), (&json!("system"), &json!("repeated_failures")));
    let enabled = patch(&server, &path, &json!({ "enabled": true })).await.body;
    assert_eq!((&enabled["consecutive_failures"], &enabled["disabled_reason"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn rights_count_when_a_run_begins() {
    let server = Server::start_with(&[("BYPASS_PERMISSIONS", "members"), ("IS_SANDBOX", "1")]).await;
    let admin = Person::register(&server, "ada").await;
    let bob = Person::register(&server, "bob").await;
    std::fs::create_dir(server.workspace().join("inner")).unwrap();
    let mut wanted = body(&json!([{ "text": "hi" }]));
    wanted["working_dir"] = json!("inner");
    wanted["permission_mode"] = json!("bypassPermissions");
    let made = bob.post("/api/schedules", &wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let run = format!("/api/schedules/{}/run", made.body["id"].as_str().unwrap());

    std::fs::remove_dir(server.workspace().join("inner")).unwrap();
    let without_folder = bob.post(&run, &json!({})).await;
    std::os::unix::fs::symlink("/etc", server.workspace().join("inner")).unwrap();
    let elsewhere = bob.post(&run, &json!({})).await;
    admin.patch("/api/users/bob", &json!({ "role": "viewer" })).await;
    let of_a_viewer = admin.post(&run, &json!({})).await;

    let told = |answer: &Answer| (answer.status.as_u16(), answer.code().to_owned());
    assert_eq!(told(&without_folder), (409, "working_dir_missing".to_owned()));
    assert_eq!(told(&elsewhere), (403, "working_dir_not_allowed".to_owned()));
    assert_eq!(told(&of_a_viewer), (409, "owner_not_permitted".to_owned()));
    assert_eq!(admin.get("/api/sessions").await.body["sessions"], json!([]));
}

#[tokio::test]
async fn a_time_that_was_missed_is_caught_up_with_once_whatever_dies() {
    let mut server = Server::start().await;
    let mut wanted = body(&json!([{ "text": "Slowly.", "delay_ms": 600_000 }]));
    wanted["cron"] = json!("* * * * *");
    let path = create(&server, &wanted).await;
    let made = server.get(&path).await.body;
    let due = &made["next_runs"][0];
    server.kill_9().await;
    wait_for_next_minute(&made).await;

    server.restart().await;
    let caught_up = wait_for_run(&server, &path, "running").await;
    server.kill_9().await;
    server.restart().await;

    assert_eq!((&caught_up["trigger"], &caught_up["due_at"]), (&json!("catch_up"), due));
    // It was open, and its turn was cut off; or it is opened now.
    wait_for_session(&server, caught_up["session_id"].as_str().unwrap()).await;
    let paused = patch(&server, &path, &json!({ "enabled": false })).await;
    assert_eq!(paused.status, StatusCode::OK);
    let runs = server.get(&format!("{path}/runs")).await.body["runs"].as_array().unwrap().clone();
    let of_due: Vec<_> = runs.iter().filter(|run| run["due_at"] == *due).collect();
    assert_eq!(of_due.len(), 1, "{runs:?}");
    let begun: BTreeSet<_> = runs.iter().map(|run| run["session_id"].as_str().unwrap()).collect();
    let sessions = server.get("/api/sessions").await.body["sessions"].as_array().unwrap().clone();
    let open: BTreeSet<_> = sessions.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(open, begun, "each run has opened one session");
}

async fn wait_for_session(server: &Server, session: &str) {
    for _ in 0..600 {
        if server.get(&format!("/api/sessions/{session}")).await.status == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the session {session} is not opened");
}

/// Waits until the minute is over in which a schedule was made.
async fn wait_for_next_minute(schedule: &Value) {
    let second: u64 = schedule["created_at"].as_str().unwrap()[17..19].parse().unwrap();
    tokio::time::sleep(Duration::from_secs(61 - second)).await;
}
