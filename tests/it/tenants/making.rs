//! Who makes teams, what they are called, and that they last.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

#[tokio::test]
async fn a_team_is_made_its_first_person_comes_in_and_both_last() {
    let mut server = Server::start().await;
    let folder = server.workspace().join("acme");
    std::fs::create_dir(&folder).unwrap();
    let (tenant, session);
    {
        let root = Person::register(&server, "root").await;
        let made = root.post("/api/tenants", &json!({ "name": "Acme", "working_dir": "acme" })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        tenant = made.body.clone();
        assert_eq!(
            (&tenant["name"], &tenant["working_dir"], &tenant["created_by"], &tenant["invite"]["role"]),
            (&json!("Acme"), &json!(folder), &json!("root"), &json!("admin"))
        );

        let ada = Person::join(&server, "ada", &tenant["invite"]["code"]).await;
        let me = ada.get("/api/auth/me").await.body;
        assert_eq!((&me["tenant"], &me["role"]), (&tenant["id"], &json!("admin")));
        session = ada.open_session().await;
        let again = json!({ "username": "eve", "password": PASSWORD, "code": tenant["invite"]["code"] });
        assert_eq!(server.post("/api/auth/register", &again).await.code(), "code_invalid");
        // Her own invitations lead into her team.
        let invite = ada.post("/api/users/invites", &json!({ "role": "member" })).await.body;
        let bob = Person::join(&server, "bob", &invite["code"]).await;
        assert_eq!(bob.get("/api/auth/me").await.body["tenant"], tenant["id"]);
    }
    server.stop().await;
    server.restart().await;
    server.kill_9().await;
    server.restart().await;

    let (root, ada) = (Person::log_in(&server, "root").await, Person::log_in(&server, "ada").await);
    let listed = root.get("/api/tenants").await.body;
    let mut without_invite = tenant.clone();
    without_invite.as_object_mut().unwrap().remove("invite");
    assert_eq!(listed, json!({ "tenants": [without_invite], "next_cursor": null }));
    let view = ada.get(&format!("/api/sessions/{session}")).await.body;
    assert_eq!((&view["working_dir"], &view["owner"]), (&json!(folder), &json!("ada")));
    let users = ada.get("/api/users").await.body;
    let names: Vec<_> = users["users"].as_array().unwrap().iter().map(|user| &user["username"]).collect();
    assert_eq!(names, ["ada", "bob"]);
    let taken = json!({ "name": "aCME", "working_dir": "." });
    assert_eq!(root.post("/api/tenants", &taken).await.code(), "tenant_name_taken");
}

#[tokio::test]
async fn only_admins_of_the_first_team_and_their_programs_make_teams() {
    let server = Server::start().await;
    for name in ["acme", "bolt"] {
        std::fs::create_dir(server.workspace().join(name)).unwrap();
    }
    let body = json!({ "name": "bolt", "working_dir": "bolt" });
    let local = server.post("/api/tenants", &body).await;
    assert_eq!((local.status, local.code()), (StatusCode::CONFLICT, "no_account"), "{}", local.body);

    let root = Person::register(&server, "root").await;
    let member = Person::register(&server, "mia").await;
    let other = root.found_team("acme", "ada").await;
    let token = async |person: &Person<'_>, scope: &str| {
        let made = person.post("/api/tokens", &json!({ "name": scope, "scopes": [scope] })).await;
        made.body["token"].as_str().unwrap().to_owned()
    };
    let weak = token(&root, "sessions:write").await;
    let of_other = token(&other, "admin").await;
    let of_root = token(&root, "admin").await;
    let acme = root.get("/api/tenants").await.body["tenants"][0]["id"].as_str().unwrap().to_owned();
    let invites = format!("/api/tenants/{acme}/invites");

    let (weak, of_other) = (Person::with(&server, &weak), Person::with(&server, &of_other));
    for person in [&member, &other, &weak, &of_other] {
        for (path, body) in [("/api/tenants", &body), (invites.as_str(), &json!({}))] {
            let refused = person.post(path, body).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
        }
        assert_eq!(person.get("/api/tenants").await.status, StatusCode::FORBIDDEN);
    }
    let program = Person::with(&server, &of_root);
    let made = program.post("/api/tenants", &body).await;
    assert_eq!((made.status, &made.body["created_by"]), (StatusCode::CREATED, &json!("root")));
    assert_eq!(program.post(&invites, &json!({})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn names_and_folders_that_cannot_be_are_refused_with_the_reason() {
    let server = Server::start().await;
    for name in ["acme/deep", "free"] {
        std::fs::create_dir_all(server.workspace().join(name)).unwrap();
    }
    let root = Person::register(&server, "root").await;
    root.found_team("acme", "ada").await;

    let too_long = "x".repeat(65);
    for (name, working_dir, status, code) in [
        ("", "free", 400, "field_invalid"),
        (" a", "free", 400, "field_invalid"),
        ("a\u{202e}b", "free", 400, "field_invalid"),
        (too_long.as_str(), "free", 400, "field_invalid"),
        ("ACME", "free", 409, "tenant_name_taken"),
        ("Default", "free", 409, "tenant_name_taken"),
        ("bolt", "acme", 409, "working_dir_taken"),
        ("bolt", "acme/deep", 409, "working_dir_taken"),
        ("bolt", ".", 409, "working_dir_taken"),
        ("bolt", "absent", 400, "working_dir_missing"),
        ("bolt", "..", 403, "working_dir_not_allowed"),
        ("bolt", "/etc", 403, "working_dir_not_allowed"),
    ] {
        let refused = root.post("/api/tenants", &json!({ "name": name, "working_dir": working_dir })).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{name} {working_dir}");
    }
    for body in [json!({}), json!({ "name": "bolt", "working_dir": "free", "admin": "eve" })] {
        assert_eq!(root.post("/api/tenants", &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(root.get("/api/tenants").await.body["tenants"].as_array().unwrap().len(), 1);
    for (id, body, status, code) in [
        ("default", json!({}), 404, "tenant_not_found"),
        ("01a00000-0000-7000-8000-000000000000", json!({}), 404, "tenant_not_found"),
        ("x", json!({ "expires_in_ms": 0 }), 404, "tenant_not_found"),
        ("ACME", json!({ "expires_in_ms": 0 }), 400, "field_invalid"),
    ] {
        let listed = root.get("/api/tenants").await.body;
        let id = if id == "ACME" { listed["tenants"][0]["id"].as_str().unwrap() } else { id };
        let refused = root.post(&format!("/api/tenants/{id}/invites"), &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{id} {body}");
    }
}

#[tokio::test]
async fn teams_are_listed_by_pages() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    for name in ["c", "a", "b"] {
        root.found_team(name, &format!("admin-{name}")).await;
    }

    let mut names = vec![];
    let mut query = "?limit=2".to_owned();
    loop {
        let page = root.get(&format!("/api/tenants{query}")).await.body;
        names.extend(page["tenants"].as_array().unwrap().iter().map(|tenant| tenant["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }

    assert_eq!(names, ["c", "a", "b"], "in the order in which they were made");
    for query in ["?limit=0", "?limit=201", "?who=ada"] {
        assert_eq!(root.get(&format!("/api/tenants{query}")).await.code(), "query_invalid", "{query}");
    }
}

#[tokio::test]
async fn retries_make_nothing_twice_and_do_not_show_a_code_again() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("acme")).unwrap();
    let root = Person::register(&server, "root").await;
    let keyed = async |key: &str, path: &str, body: &Value| {
        answer(root.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    };
    let body = json!({ "name": "acme", "working_dir": "acme" });

    let made = join_all((0..4).map(|_| keyed("one", "/api/tenants", &body))).await;
    let (first, refused): (Vec<_>, Vec<_>) =
        made.iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!((first.len(), refused.len()), (1, 3));
    assert!(refused.iter().all(|answer| answer.status == StatusCode::CONFLICT));
    assert_eq!(keyed("one", "/api/tenants", &body).await.code(), "shown_once");
    let other = json!({ "name": "bolt", "working_dir": "acme" });
    let reused = keyed("one", "/api/tenants", &other).await;
    assert_eq!((reused.status.as_u16(), reused.code()), (422, "idempotency_key_reused"));

    let path = format!("/api/tenants/{}/invites", first[0].body["id"].as_str().unwrap());
    let nothing = json!({});
    let invites = join_all((0..4).map(|_| keyed("two", &path, &nothing))).await;
    let made: Vec<_> = invites.iter().filter(|answer| answer.status == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 1);
    let others = invites.iter().filter(|answer| answer.status != StatusCode::CREATED);
    assert!(others.map(Answer::code).all(|code| code == "shown_once"));
    let ada = Person::join(&server, "ada", &made[0].body["code"]).await;
    let open = ada.get("/api/users/invites").await.body;
    assert_eq!(open["invites"].as_array().unwrap().len(), 1, "that of the first request: {open}");
}

#[tokio::test]
async fn of_many_who_want_one_name_or_one_folder_at_once_one_gets_it() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        std::fs::create_dir(server.workspace().join(name)).unwrap();
    }
    let root = Person::register(&server, "root").await;
    let wanted = [("one", "a"), ("one", "b"), ("two", "a"), ("ONE", "a"), ("three", "a"), ("one", "a")];

    let made = join_all(wanted.map(|(name, working_dir)| {
        answer(
            root.request(Method::POST, "/api/tenants")
                .json(&json!({ "name": name, "working_dir": working_dir })),
        )
    }))
    .await;

    let teams = root.get("/api/tenants").await.body["tenants"].as_array().unwrap().clone();
    let (mut names, mut folders) = (vec![], vec![]);
    for team in &teams {
        names.push(team["name"].as_str().unwrap().to_lowercase());
        folders.push(team["working_dir"].clone());
    }
    names.dedup();
    folders.dedup();
    assert_eq!((names.len(), folders.len()), (teams.len(), teams.len()), "{teams:?}");
    assert_eq!(made.iter().filter(|answer| answer.status == StatusCode::CREATED).count(), teams.len());
    assert!(made.iter().all(|answer| [201, 409].contains(&answer.status.as_u16())));
}

#[tokio::test]
async fn nobody_joins_the_operators_by_himself_once_there_are_other_teams() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    Person::register(&server, "mia").await;
    let ada = root.found_team("acme", "ada").await;

    let body = json!({ "username": "eve", "password": PASSWORD });
    let refused = server.post("/api/auth/register", &body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "code_required"));

    let invite = root.post("/api/users/invites", &json!({ "role": "member" })).await.body;
    let eve = Person::join(&server, "eve", &invite["code"]).await;
    assert_eq!(eve.get("/api/auth/me").await.body["tenant"], "default");
    // Names are unique over the whole server, for a login does not say to which team it belongs.
    let taken = ada.post("/api/users/invites", &json!({ "role": "member", "username": "eve" })).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "username_taken"));
}
