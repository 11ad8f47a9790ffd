//! `GET /api/sessions/{id}/files`: what is in a session's folders, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use reqwest::StatusCode;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

async fn read(server: &Server, session: &Value, path: &str) -> Answer {
    let mut url = reqwest::Url::parse(&server.url("/")).unwrap();
    url.set_path(&format!("/api/sessions/{}/files", session.as_str().unwrap()));
    url.query_pairs_mut().append_pair("path", path);
    answer(server.client.get(url)).await
}

async fn open(server: &Server, options: &Value) -> Value {
    server.post("/api/sessions", options).await.body["id"].clone()
}

#[tokio::test]
async fn a_file_is_shown_as_it_is() {
    let server = Server::start().await;
    let folder = server.workspace();
    fs::create_dir_all(folder.join("work/deep")).unwrap();
    fs::create_dir(folder.join("more")).unwrap();
    fs::write(folder.join("work/deep/a b.html"), "<b>\u{e4}</b>\r\n").unwrap();
    fs::write(folder.join("work/picture"), b"\x00\xff").unwrap();
    fs::write(folder.join("more/c"), "c").unwrap();
    symlink("deep/a b.html", folder.join("work/link")).unwrap();
    let session = open(&server, &json!({ "working_dir": "work", "add_dirs": ["more"] })).await;

    let absolute = folder.join("work/deep/a b.html").display().to_string();
    for path in ["deep/a b.html", "./deep/../link", &absolute] {
        let file = read(&server, &session, path).await;
        assert_eq!((file.status, file.body), (StatusCode::OK, json!("<b>\u{e4}</b>\r\n")), "{path}");
        assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
    }
    let picture = read(&server, &session, "picture").await;
    assert_eq!(picture.headers["content-type"], "application/octet-stream");
    let beside = read(&server, &session, &folder.join("more/c").display().to_string()).await;
    assert_eq!(beside.body, "c");
}

#[tokio::test]
async fn a_folder_is_shown_page_by_page() {
    let server = Server::start().await;
    let folder = server.workspace();
    fs::create_dir(folder.join("b")).unwrap();
    fs::write(folder.join("a"), "xy").unwrap();
    symlink("/etc/passwd", folder.join("c")).unwrap();
    let session = open(&server, &json!({})).await;
    let path = format!("/api/sessions/{}/files", session.as_str().unwrap());

    let first = server.get(&format!("{path}?limit=2")).await.body;
    let second =
        server.get(&format!("{path}?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;

    let a = json!({ "name": "a", "kind": "file", "bytes": 2 });
    let b = json!({ "name": "b", "kind": "folder", "bytes": null });
    assert_eq!(first["entries"], json!([a, b]));
    let c = json!({ "name": "c", "kind": "link", "bytes": null });
    assert_eq!(second.body, json!({ "path": "", "entries": [c], "next_cursor": null }));
}

#[tokio::test]
async fn nothing_outside_and_nothing_of_the_servers_is_shown() {
    let server = Server::start_with(&[("WORKING_DIR", "."), ("ALLOWED_ROOTS", ".")]).await;
    let root = server.data_dir().parent().unwrap().canonicalize().unwrap();
    fs::write(root.join(".env"), "ANTHROPIC_API_KEY=sk-ant-canary\n").unwrap();
    fs::write(root.join("workspace/own"), "own").unwrap();
    fs::write(root.join("beside"), "theirs").unwrap();
    for (target, name) in [
        ("../beside", "out"),
        ("/etc", "etc"),
        ("/proc/self/root", "magic"),
        ("../data", "data"),
        ("own", "in"),
    ] {
        symlink(target, root.join("workspace").join(name)).unwrap();
    }
    symlink(root.join("data/secret-key"), root.join("key")).unwrap();
    let (inner, outer) =
        (open(&server, &json!({ "working_dir": "workspace" })).await, open(&server, &json!({})).await);

    let absolute = root.join("beside").display().to_string();
    for path in [
        "../beside",
        "out",
        "etc/passwd",
        "magic/etc/passwd",
        "data/secret-key",
        "absent",
        "/etc/passwd",
        "own/x",
        "a\0b",
        &absolute,
    ] {
        let refused = read(&server, &inner, path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "file_not_found"), "{path}");
    }
    for path in ["data/secret-key", "data", "data/agents", ".env", "key", "workspace/data/secret-key"] {
        let refused = read(&server, &outer, path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "file_not_found"), "{path}");
    }
    assert_eq!(read(&server, &inner, "in").await.body, "own");
    let listed = read(&server, &outer, "").await.body.to_string();
    assert!(
        listed.contains("beside") && !listed.contains(".env") && !listed.contains("\"data\""),
        "{listed}"
    );
}

#[tokio::test]
async fn what_is_too_large_and_what_would_hold_up_is_refused() {
    let server = Server::start().await;
    let folder = server.workspace();
    fs::File::create(folder.join("large")).unwrap().set_len((10 << 20) + 1).unwrap();
    nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let session = open(&server, &json!({})).await;

    let large = read(&server, &session, "large").await;
    let pipe = read(&server, &session, "pipe").await;

    assert_eq!((large.status, large.code()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    assert!(large.body["detail"].as_str().unwrap().contains("10485760"), "{}", large.body);
    assert_eq!((pipe.status, pipe.code()), (StatusCode::NOT_FOUND, "file_not_found"));
}
