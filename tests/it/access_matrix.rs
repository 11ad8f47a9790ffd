//! Who may do what: every operation of the OpenAPI document, asked for by everybody, against a committed
//! table. An operation that is added fails here until somebody has said who may do it.
//!
//! `/api/sessions/{id}` is the member's session; other ids name nothing. `stranger` is another member,
//! `other-tenant` an admin of another team, who asks for what the first team really has and gets the answer
//! for what does not exist.

use reqwest::Method;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

/// Shows nothing unless it is asked for topics; `topics.rs` asks for those of others.
const TOPICS: &str = "/api/stream";

const EXPECTED: &str = include_str!("access_matrix.txt");

const NOBODY: &str = "01a00000-0000-7000-8000-000000000000";

#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let member = Person::register(&server, "grace").await;
    let stranger = Person::register(&server, "linus").await;
    Person::register(&server, "vera").await;
    let viewer = json!({ "role": "viewer" });
    assert!(admin.patch("/api/users/vera", &viewer).await.status.is_success());
    let viewer = Person::log_in(&server, "vera").await;
    let outsider = admin.found_team("acme", "alan").await;
    let things = Things::of(&server, (&admin, &member)).await;

    let mut table = String::from("operation | anonymous viewer stranger member admin other-tenant\n");
    for (method, template) in operations(&server).await {
        let path = template
            .replace("/api/sessions/{id}", &format!("/api/sessions/{}", things.session))
            .replace("{username}", "nobody-at-all");
        let path = absent(&path);
        let body = body(&method, &template);
        let mut statuses = vec![answer(server.request(method.clone(), &path).json(&body)).await.status];
        for person in [&viewer, &stranger, &member, &admin] {
            statuses.push(answer(person.request(method.clone(), &path).json(&body)).await.status);
        }
        let ask = async |path: &str| answer(outsider.request(method.clone(), path).json(&body)).await;
        let (foreign, nothing) = (ask(&things.name_in(&template)).await, ask(&absent(&template)).await);
        if template.contains('{') {
            let told =
                |answer: &Answer| (answer.status, answer.code().to_owned(), answer.body["detail"].clone());
            assert_eq!(told(&foreign), told(&nothing), "{method} {template}");
        } else if method == Method::GET && template != TOPICS {
            assert_eq!(entries(&foreign.body), own_entries(&template), "{template}: {}", foreign.body);
        }
        statuses.push(foreign.status);
        let statuses: Vec<_> = statuses.iter().map(|status| status.as_u16().to_string()).collect();
        table += &format!("{method} {template} | {}\n", statuses.join(" "));
    }

    assert_eq!(table, EXPECTED, "\n{table}");
}

/// A path with ids and names of nothing and nobody.
fn absent(template: &str) -> String {
    let template = template.replace("{username}", "nobody-at-all");
    let parts = template.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The ids of what the first team has.
struct Things {
    session: String,
    request: String,
    turn: String,
    key: String,
    token: String,
    invite: String,
    login: String,
    tenant: String,
    mcp_server: String,
    schedule: String,
    skill: String,
    plugin: String,
    hook: String,
    agent: String,
}

impl Things {
    async fn of(server: &Server, (admin, member): (&Person<'_>, &Person<'_>)) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let id = |answer: Answer| text(&answer.body["id"]);
        let session = member.open_session().await;
        let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
        let replies = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "done" }]);
        let waiting = member.post("/api/task", &json!({ "prompt": script("Write.", &replies) })).await.body;
        let key = json!({ "name": "k", "key": "sk-ant-of-grace" });
        let mcp_server = json!({ "name": "web", "url": "https://mcp.example" });
        let token = json!({ "name": "t", "scopes": ["sessions:read"] });
        let schedule = json!({ "name": "s", "prompt": "look", "cron": "@yearly" });
        let hook = json!({ "event": "PreToolUse", "action": "log" });
        let skill = json!({ "name": "look", "description": "Looks.", "instruction": "Look." });
        let agent = json!({ "name": "reviewer", "description": "Reviews.", "prompt": "Look." });
        std::fs::create_dir_all(server.workspace().join("kit/.claude-plugin")).unwrap();
        let manifest = server.workspace().join("kit/.claude-plugin/plugin.json");
        std::fs::write(manifest, json!({ "name": "kit" }).to_string()).unwrap();
        Self {
            session,
            request: text(&waiting["pending"][0]["request_id"]),
            turn: text(&waiting["turn_id"]),
            key: id(member.post("/api/api-keys", &key).await),
            token: id(member.post("/api/tokens", &token).await),
            invite: id(admin.post("/api/users/invites", &json!({ "role": "member" })).await),
            login: text(&member.get("/api/auth/sessions").await.body["sessions"][0]["id"]),
            mcp_server: id(member.post("/api/mcp/servers", &mcp_server).await),
            skill: id(member.post("/api/skills", &skill).await),
            hook: id(member.post("/api/claude/hooks", &hook).await),
            plugin: id(admin.post("/api/plugins", &json!({ "folder": "kit" })).await),
            agent: id(member.post("/api/agents", &agent).await),
            tenant: text(&admin.get("/api/tenants").await.body["tenants"][0]["id"]),
            schedule: id(member.post("/api/schedules", &schedule).await),
        }
    }

    /// A path with these.
    fn name_in(&self, template: &str) -> String {
        let id = match template.split('/').nth(2).unwrap_or_default() {
            "sessions" => &self.session,
            "api-keys" => &self.key,
            "tokens" => &self.token,
            "users" => &self.invite,
            "auth" => &self.login,
            "tenants" => &self.tenant,
            "mcp" => &self.mcp_server,
            "schedules" => &self.schedule,
            "skills" => &self.skill,
            "plugins" => &self.plugin,
            "claude" => &self.hook,
            "agents" => &self.agent,
            _ => NOBODY,
        };
        let named = template.replace("{request_id}", &self.request).replace("{turn_id}", &self.turn);
        named
            .replace("{username}", "grace")
            .replace("{id}", id)
            .replace("{name}", id)
            .replace("{version}", "1")
    }
}

/// How many entries a list of somebody has who has done nothing but come in.
fn own_entries(template: &str) -> Option<usize> {
    match template {
        "/api/users" | "/api/auth/sessions" => Some(1),
        // The caller's own logins and refusals, which are written down beside their requests.
        "/api/audit/events" | "/api/tools" | "/api/auth/me" | "/api/status" | "/api/tenants" => None,
        "/health" | "/ready" => None,
        // Those that can be switched on.
        "/api/skills" => Some(5),
        // Those that Claude Code has itself.
        "/api/agents" => Some(5),
        _ => Some(0),
    }
}

/// How long the list in an answer is, where it is one that tells of a team.
fn entries(body: &Value) -> Option<usize> {
    let lists = [
        "users",
        "sessions",
        "requests",
        "api_keys",
        "tokens",
        "invites",
        "folders",
        "servers",
        "skills",
        "plugins",
        "hooks",
        "agents",
        "subagents",
        "processes",
        "schedules",
        "groups",
    ];
    lists.iter().find_map(|name| body[*name].as_array()).map(Vec::len)
}

/// What is well formed, where whose session it is would not be looked at otherwise.
fn body(method: &Method, template: &str) -> Value {
    if *method == Method::PUT && template == "/api/skills/{name}" {
        return json!({ "description": "Looks.", "instruction": "Look." });
    }
    if *method == Method::PUT && template == "/api/claude/hooks/{name}" {
        return json!({ "event": "PreToolUse", "action": "log" });
    }
    if *method == Method::PUT && template == "/api/agents/{name}" {
        return json!({ "description": "Reviews.", "prompt": "Look." });
    }
    match template.rsplit('/').next() {
        Some("rotate") => json!({ "key": "sk-ant-of-nobody" }),
        Some("rewind") => json!({ "turn_id": NOBODY, "files": true }),
        Some("handover") => json!({ "owner": "nobody-at-all" }),
        Some("prompts") => json!({ "prompt": "hello" }),
        Some("{request_id}") => json!({ "decision": "allow" }),
        Some(_) | None => json!({}),
    }
}

/// Every operation but those that let somebody in, out, or anew: they would change who asks.
async fn operations(server: &Server) -> Vec<(Method, String)> {
    let document: Value = server.get("/openapi.json").await.body;
    let mut operations = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for name in item.as_object().unwrap().keys() {
            let Ok(method) = name.to_uppercase().parse::<Method>() else { continue };
            let changes_who_asks = path.starts_with("/api/auth/") && method != Method::GET;
            if !changes_who_asks {
                operations.push((method, path.clone()));
            }
        }
    }
    operations.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    operations
}
