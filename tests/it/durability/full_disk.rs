//! A disk without room: what cannot be stored does not happen, and all goes on once there is room.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

use super::{Image, skipped};

/// Within this time everybody has an answer, and what waited for room goes on.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_full_disk_refuses_and_the_server_recovers_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("small");
    std::fs::create_dir(&data).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "none"])
        .arg(&data)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skipped("this user may not mount");
    }
    let disk = Image { file: data.clone(), mount: data.clone() };
    let url = format!("sqlite://{}", data.join("runner.db").display());
    let server = Server::start_with(&[("DATABASE_URL", &url)]).await;
    std::fs::write(data.join("ballast"), vec![0; 1_700_000]).ok();

    let big = json!({ "title": "Big", "append_system_prompt": "x".repeat(19_000) });
    let mut refused = server.post("/api/sessions", &big).await;
    for _ in 0..100 {
        if refused.status != StatusCode::CREATED {
            break;
        }
        refused = server.post("/api/sessions", &big).await;
    }
    let ready = server.get("/ready").await;
    std::fs::remove_file(data.join("ballast")).unwrap();
    let accepted = server.post("/api/sessions", &big).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"));
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(accepted.status, StatusCode::CREATED, "{}", accepted.body);
    assert_eq!(server.get("/ready").await.status, StatusCode::OK);
    server.verify(accepted.body["id"].as_str().unwrap()).await;
    drop(server);
    drop(disk);
}

/// A small disk; what fills it is a file on it.
fn small_disk(folder: &Path) -> Option<Image> {
    let file = folder.join("disk.img");
    std::fs::File::create(&file).unwrap().set_len(64 * 1024 * 1024).unwrap();
    let formatted = Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&file).status();
    if !formatted.is_ok_and(|status| status.success()) {
        skipped("mkfs.ext4 is not installed");
        return None;
    }
    let disk = Image::mount(&file, &folder.join("disk"));
    if disk.is_none() {
        skipped("loop devices cannot be mounted here");
    }
    disk
}

fn fill(disk: &Image) {
    let ballast = std::fs::File::create(disk.mount.join("ballast")).unwrap();
    let mut ballast = std::io::BufWriter::with_capacity(4096, ballast);
    let block = [1; 4096];
    while std::io::Write::write_all(&mut ballast, &block).is_ok() {}
    drop(ballast.into_parts());
}

/// A task whose agent says that it is at work, waits for the file `go`, and then says more than there is room
/// for.
fn long_task(name: &str) -> Value {
    let wait = format!("touch {name}; while [ ! -e go ]; do sleep 0.05; done");
    let wait = json!({ "name": "Bash", "input": { "command": wait, "description": "wait" } });
    let replies = json!([{ "tool_use": wait }, { "text": "x".repeat(80_000) }]);
    json!({ "prompt": script("Wait.", &replies), "permission_mode": "bypassPermissions" })
}

async fn wait_for_file(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < SOON, "{} is not there", path.display());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

async fn ready(server: &Server) -> Answer {
    answer(server.request(Method::GET, "/ready")).await
}

async fn wait_until_ready(server: &Server) {
    let began = Instant::now();
    while ready(server).await.status != StatusCode::OK {
        assert!(began.elapsed() < SOON, "not ready again: {}", ready(server).await.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_disk_that_fills_in_the_middle_of_a_turn_leaves_nobody_without_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(folder.path()) else { return };
    let data = disk.mount.join("data");
    let settings = [("DATA_DIR", data.to_str().unwrap()), ("MIN_FREE_DISK_MB", "1")];
    let server = Server::start_with(&settings).await;
    let task = server.request(Method::POST, "/api/task").json(&long_task("one"));
    let task = tokio::spawn(answer(task));
    let mut stream = server.stream_task(&long_task("two")).await;
    for name in ["one", "two"] {
        wait_for_file(&server.workspace().join(name)).await;
    }

    fill(&disk);
    let began = Instant::now();
    std::fs::write(server.workspace().join("go"), "").unwrap();
    let answered = task.await.unwrap();
    let last = stream.rest().await.pop().unwrap();
    let (took, unready, log) = (began.elapsed(), ready(&server).await, server.log().await);
    std::fs::remove_file(disk.mount.join("ballast")).unwrap();
    wait_until_ready(&server).await;

    assert_eq!((answered.status, answered.code()), (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"));
    assert_eq!((last.kind(), &last.data["code"]), ("error", &json!("store_unavailable")));
    assert!(took < SOON, "{took:?}");
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unready.body["detail"].as_str().unwrap().contains("disk"), "{}", unready.body);
    let told = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!((told("a batch of events was not written"), told("a session stops")), (1, 2), "{log}");
    assert!(told("ERROR") <= 3, "{log}");
    for session in server.get("/api/sessions").await.body["sessions"].as_array().unwrap() {
        let session = session["id"].as_str().unwrap();
        let turn = server.wait_for_status(session, "idle").await["turns"][0].clone();
        assert_eq!(
            (&turn["status"], &turn["error"]["code"]),
            (&json!("interrupted"), &json!("store_unavailable"))
        );
        server.verify(session).await;
        let next = json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "resume": session });
        assert_eq!(server.task(&next).await["message"], "hi");
    }
    drop(server);
    drop(disk);
}
